import { bytesOf } from '../../devices/dtype.ts'
import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Call } from '../operation.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'

/** y = x, of the same dtype; the rows of x any stride apart. */
export function copyRows(x: Tensor, y: Tensor): WasmLaunch {
  const bytes = bytesOf(x.dtype)
  return wasmLaunch('copyRows', { x, y, width: bytes * x.width, xStride: bytes * x.rowStride }, x.rows)
}

export function copy({ inputs: { x }, outputs: { y } }: Call<CopyInputs, CopyOutputs, object>): WasmLaunch[] {
  return [copyRows(x, y)]
}
