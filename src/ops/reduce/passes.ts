import { dims } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/**
 * One pass of a reduction: each run of n is cut into `slices` of at most `slice`, each of which gives one
 * value.
 */
export interface Pass {
  readonly x: Tensor
  readonly y: Tensor
  readonly outer: number
  readonly n: number
  readonly inner: number
  readonly slices: number
  readonly slice: number
  readonly last: boolean
}

/**
 * x [outer, n, inner] to y [outer, inner] in one pass or two: with `slice` less than n, first to scratch
 * [outer, slices, inner]. How n is cut follows from shapes alone, so that sums are the same each time.
 */
export function passesOf(x: Tensor, y: Tensor, slice: number, scratch: (shape: number[]) => Tensor): Pass[] {
  const [outer, n, inner] = dims(x, 3)
  const slices = Math.ceil(n / slice)
  if (slices <= 1) return [{ x, y, outer, n, inner, slices: 1, slice: n, last: true }]
  const partial = scratch([outer, slices, inner])
  return [
    { x, y: partial, outer, n, inner, slices, slice, last: false },
    { x: partial, y, outer, n: slices, inner, slices: 1, slice: slices, last: true },
  ]
}
