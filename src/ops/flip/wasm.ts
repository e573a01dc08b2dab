import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import type { FlipInputs, FlipOutputs } from './types.ts'

export function flip({ inputs: { x }, outputs: { y } }: Call<FlipInputs, FlipOutputs, object>): WasmLaunch[] {
  const [batch, length] = x.shape
  const inner = x.rows / (batch * length)
  return [wasmLaunch('flipRows', { x, y, length, inner, width: x.width, xStride: x.rowStride }, x.rows)]
}
