import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'

export function copy({ inputs: { x }, outputs: { y } }: Call<CopyInputs, CopyOutputs, object>): WasmLaunch[] {
  return [wasmLaunch('copyRows', { x, y, width: x.width, xStride: x.rowStride }, x.rows)]
}
