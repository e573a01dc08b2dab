import { ShapeError } from '../../errors.ts'
import { broadcastShapes, stridesOf, type Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'

/** Axes that kernels loop over. */
const AXES = 4
type Four = [number, number, number, number]

/**
 * Loops over an output, outermost first, and the words that each operand steps along them (0: it is
 * repeated).
 */
export interface Loops {
  readonly sizes: Four
  readonly a: Four
  readonly b: Four
}

/** Whether kernels can take the operands as they are. */
export function fits(shape: Shape, a: Tensor, b: Tensor): boolean {
  return merge(shape, a, b).length <= AXES
}

/**
 * The loops of a broadcasting pair. Neighbouring axes are one loop where both operands step evenly through
 * them.
 */
export function loopsOf(a: Tensor, b: Tensor): Loops {
  const merged = merge(broadcastShapes('binary', a.shape, b.shape), a, b)
  if (merged.length > AXES) throw new ShapeError('too many axes broadcast in turn', { where: 'binary' })
  const axes = [...Array.from({ length: AXES - merged.length }, () => ({ size: 1, a: 0, b: 0 })), ...merged]
  return {
    sizes: axes.map((axis) => axis.size) as Four,
    a: axes.map((axis) => axis.a) as Four,
    b: axes.map((axis) => axis.b) as Four,
  }
}

function merge(shape: Shape, a: Tensor, b: Tensor): { size: number; a: number; b: number }[] {
  const [stepsA, stepsB] = [stepsOf(a, shape.length), stepsOf(b, shape.length)]
  const merged: { size: number; a: number; b: number }[] = []
  for (const [i, size] of shape.entries()) {
    if (size === 1) continue
    const axis = { size, a: stepsA[i], b: stepsB[i] }
    const last = merged.at(-1)
    if (last && last.a === axis.a * size && last.b === axis.b * size) {
      merged[merged.length - 1] = { ...axis, size: last.size * size }
    } else {
      merged.push(axis)
    }
  }
  const last = merged.at(-1)
  // The innermost loop steps by 0 or 1 words: a single column of a wider view does not.
  if (last && (last.a > 1 || last.b > 1)) merged.push({ size: 1, a: 0, b: 0 })
  return merged
}

/** Words from one element to the next along each axis of the output; 0 where `x` is repeated. */
function stepsOf(x: Tensor, rank: number): number[] {
  const lead = rank - x.shape.length
  const rows = stridesOf([...x.shape.slice(0, -1), 1])
  return Array.from({ length: rank }, (_, i) => {
    const axis = i - lead
    if (axis < 0 || x.shape[axis] === 1) return 0
    return axis === x.shape.length - 1 ? 1 : rows[axis] * x.rowStride
  })
}
