import { bytesOf } from '../../devices/dtype.ts'
import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import { part, type ConcatOutputs, type ConcatParams, type Parts } from './types.ts'

export function concat(call: Call<Parts, ConcatOutputs, ConcatParams>): WasmLaunch[] {
  const { y } = call.outputs
  const bytes = bytesOf(y.dtype)
  let start = 0
  return call.params.widths.flatMap((columns, i) => {
    const x = call.inputs[part(i)]
    const width = bytes * columns
    const args = { x, y, width, xStride: bytes * (x?.rowStride ?? 0), start, total: bytes * y.width }
    start += width
    return width === 0 ? [] : [wasmLaunch('layoutWriteColumns', args, y.rows)]
  })
}
