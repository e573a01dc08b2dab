import type { Arrays, NdArray } from '../operation.ts'
import { part, type ConcatOutputs, type ConcatParams, type Parts } from './types.ts'

export function concat(parts: Arrays<Parts>, { y }: Arrays<ConcatOutputs>, { widths }: ConcatParams): void {
  const total = y.shape.at(-1)!
  const rows = y.data.length / total
  let start = 0
  for (const [i, width] of widths.entries()) {
    const x: NdArray | undefined = parts[part(i)]
    for (let row = 0; row < rows; row++) {
      if (x) y.data.set(x.data.subarray(row * width, (row + 1) * width), row * total + start)
    }
    start += width
  }
}
