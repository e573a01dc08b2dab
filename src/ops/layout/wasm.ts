import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import { part, type ConcatOutputs, type ConcatParams, type Parts } from './types.ts'

export function concat(call: Call<Parts, ConcatOutputs, ConcatParams>): WasmLaunch[] {
  const { y } = call.outputs
  let start = 0
  return call.params.widths.flatMap((width, i) => {
    const x = call.inputs[part(i)]
    const args = { x, y, width, xStride: x?.rowStride ?? 0, start, total: y.width }
    start += width
    return width === 0 ? [] : [wasmLaunch('layoutWriteColumns', args, y.rows)]
  })
}
