import { ShapeError } from '../../errors.ts'
import { expectShape, sameShape, showShape, sizeOf, type Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { MatmulInputs, MatmulParams } from './types.ts'

/** Sizes of a product, and how its operands lie in memory, in words. */
export interface Dims {
  readonly batch: number
  readonly M: number
  readonly N: number
  readonly K: number
  /** From one row of a (as it is stored) to the next, and from one matrix to the next. */
  readonly aRow: number
  readonly aBatch: number
  readonly bRow: number
  readonly bBatch: number
}

type Flags = Pick<MatmulParams, 'transposeA' | 'transposeB'>

export function dimsOf({ a, b }: MatmulInputs, { transposeA, transposeB }: Flags): Dims {
  const [rowsA, K0] = lastTwo(a.shape)
  const [K, M] = transposeA ? [rowsA, K0] : [K0, rowsA]
  const N = lastTwo(b.shape)[transposeB ? 0 : 1]
  const batch = sizeOf(a.shape.length > 2 ? a.shape.slice(0, -2) : b.shape.slice(0, -2))
  const strides = { aRow: a.rowStride, bRow: b.rowStride }
  // One b for all: the matrices of a are one tall matrix.
  if (b.shape.length === 2 && !transposeA)
    return { batch: 1, M: batch * M, N, K, aBatch: 0, bBatch: 0, ...strides }
  return { batch, M, N, K, aBatch: batchStride(a), bBatch: batchStride(b), ...strides }
}

/** The shape of y. Throws ShapeError if the operands do not fit. */
export function outputShape(
  { a, b, bias, residual }: MatmulInputs,
  { transposeA, transposeB }: Flags,
): Shape {
  for (const [name, x] of [['a', a] as const, ['b', b] as const]) {
    if (x.shape.length < 2) {
      throw new ShapeError('has too few axes', {
        where: `matmul: ${name}`,
        expected: '2 or more',
        found: showShape(x.shape),
      })
    }
  }
  const [leadA, leadB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)]
  if (leadA.length > 0 && leadB.length > 0 && !sameShape(leadA, leadB)) {
    throw new ShapeError('leading axes differ', {
      where: 'matmul: b',
      expected: `${showShape(leadA)} or none`,
      found: showShape(b.shape),
    })
  }
  const [M, K] = transposeA ? lastTwo(a.shape).toReversed() : lastTwo(a.shape)
  const [KB, N] = transposeB ? lastTwo(b.shape).toReversed() : lastTwo(b.shape)
  if (K !== KB) {
    throw new ShapeError('inner axes differ', {
      where: 'matmul: b',
      expected: `${K} from a ${showShape(a.shape)}${transposeA ? ' transposed' : ''}`,
      found: `${showShape(b.shape)}${transposeB ? ' transposed' : ''}`,
    })
  }
  const shape = [...(leadA.length > 0 ? leadA : leadB), M, N]
  if (bias) expectShape('matmul: bias', bias.shape, [N])
  if (residual) expectShape('matmul: residual', residual.shape, shape)
  return shape
}

function batchStride(x: Tensor): number {
  return x.shape.length > 2 ? x.shape.at(-2)! * x.rowStride : 0
}

function lastTwo(shape: Shape): [number, number] {
  return [shape.at(-2)!, shape.at(-1)!]
}
