import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import { dims } from '../../tensor/shape.ts'
import type { Call } from '../operation.ts'
import type { SampleInputs, SampleOutputs } from './types.ts'

/** Words of counters for a row, as in `wasm.as.ts`: 2048 f64 and 2048 i32. */
const COUNTERS = 3 * 2048

export function sample({
  inputs: { logits, uniform, settings, seen },
  outputs: { tokens },
  scratch,
}: Call<SampleInputs, SampleOutputs, object>): WasmLaunch[] {
  const [B, V] = dims(logits, 2)
  const [x, weights, counters] = [scratch([B, V]), scratch([B, V]), scratch([B, COUNTERS])]
  const args = {
    logits,
    uniform,
    settings,
    seen,
    tokens,
    x,
    weights,
    counters,
    V,
    logitsStride: logits.rowStride,
  }
  return [wasmLaunch('sampleRows', args, B)]
}
