import type { DType } from '../devices/device.ts'
import { ShapeError } from '../errors.ts'

/** Sizes of a tensor's axes, outermost first. */
export type Shape = readonly number[]

/** Number of elements. The empty shape is a scalar: 1. */
export function sizeOf(shape: Shape): number {
  return shape.reduce((product, axis) => product * axis, 1)
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((axis, i) => axis === b[i])
}

export function showShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}

/** Throws unless `shape` is `expected`. `where` names the operation and tensor: `rmsNorm: weight`. */
export function expectShape(where: string, shape: Shape, expected: Shape): void {
  if (!sameShape(shape, expected)) {
    throw new ShapeError('has the wrong shape', {
      where,
      expected: showShape(expected),
      found: showShape(shape),
    })
  }
}

/** Throws unless `shape` has `rank` axes. */
export function expectRank(where: string, shape: Shape, rank: number): void {
  if (shape.length !== rank) {
    throw new ShapeError('has the wrong number of axes', { where, expected: rank, found: showShape(shape) })
  }
}

type Sizes = {
  2: readonly [number, number]
  3: readonly [number, number, number]
  4: readonly [number, number, number, number]
}

/** The sizes of the `rank` axes of `x`. Throws ShapeError if it has not so many. */
export function dims<Rank extends keyof Sizes>(
  x: { readonly shape: Shape },
  rank: Rank,
  where = 'dims',
): Sizes[Rank] {
  expectRank(where, x.shape, rank)
  return x.shape as Shape & Sizes[Rank]
}

/** Throws unless `found` is the dtype `expected`. */
export function expectDType(where: string, found: DType, expected: DType): void {
  if (found !== expected) throw new ShapeError('has the wrong dtype', { where, expected, found })
}

/**
 * The common shape of `a` and `b` by the rule of NumPy: shapes are aligned at the right, and axes of 1
 * stretch.
 */
export function broadcastShapes(where: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length)
  return Array.from({ length: rank }, (_, i) => {
    const m = a[a.length - rank + i] ?? 1
    const n = b[b.length - rank + i] ?? 1
    if (m !== n && m !== 1 && n !== 1) {
      throw new ShapeError('shapes do not broadcast', {
        where,
        found: `${showShape(a)} with ${showShape(b)}`,
      })
    }
    return m === 1 ? n : m
  })
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = shape.map(() => 0)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]
  }
  return strides
}
