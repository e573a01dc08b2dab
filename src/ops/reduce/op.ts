import { ShapeError } from '../../errors.ts'
import { expectShape, showShape, sizeOf, type Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { reshape } from '../layout/op.ts'
import { defineOperation, type KernelOperation } from '../operation.ts'
import type {
  ReduceInputs,
  ReduceOutputs,
  SumParams,
  BroadcastInputs,
  BroadcastOutputs,
  BroadcastParams,
  MaxBackwardInputs,
  MaxBackwardOutputs,
} from './types.ts'

const reduced = ({ x }: ReduceInputs): { y: { shape: Shape } } => ({
  y: { shape: [x.shape[0], x.shape[2]] },
})

/** y[o, i] = factor · Σₙ x[o, n, i] */
export const sumOp: KernelOperation<ReduceInputs, ReduceOutputs, SumParams> = defineOperation<
  ReduceInputs,
  ReduceOutputs,
  SumParams
>({
  name: 'sum',
  outputs: reduced,
  gradient: ({ inputs: { x }, grads, params: { factor } }) => ({
    x: apply(broadcastOp, { x: grads.y! }, { n: x.shape[1], factor }).y,
  }),
})

/** y[o, n, i] = factor · x[o, i] */
export const broadcastOp: KernelOperation<BroadcastInputs, BroadcastOutputs, BroadcastParams> =
  defineOperation<BroadcastInputs, BroadcastOutputs, BroadcastParams>({
    name: 'broadcast',
    outputs: ({ x }, { n }) => ({ y: { shape: [x.shape[0], n, x.shape[1]] } }),
    gradient: ({ grads, params: { factor } }) => ({ x: apply(sumOp, { x: grads.y! }, { factor }).y }),
  })

export const maxBackwardOp = defineOperation<MaxBackwardInputs, MaxBackwardOutputs, object>({
  name: 'maxBackward',
  outputs: ({ x }) => ({ dx: { shape: x.shape } }),
})

/** y[o, i] = maxₙ x[o, n, i]; the gradient goes to the first maximum. */
export const maxOp = defineOperation<ReduceInputs, ReduceOutputs, object>({
  name: 'max',
  outputs: reduced,
  saved: ['x', 'y'],
  gradient: ({ inputs: { x }, outputs: { y }, grads }) => ({
    x: apply(maxBackwardOp, { x, y, dy: grads.y! }, {}).dx,
  }),
})

/** Sum over `axes` (negative ones count from the end; default: all). */
export function sum(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  return reduce('sum', x, axes, keepDims, (run) => apply(sumOp, { x: run }, { factor: 1 }).y)
}

/** Mean over `axes`. */
export function mean(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  return reduce('mean', x, axes, keepDims, (run) => apply(sumOp, { x: run }, { factor: 1 / run.shape[1] }).y)
}

/** Largest value over `axes`. */
export function max(x: Tensor, axes?: readonly number[], keepDims = false): Tensor {
  return reduce('max', x, axes, keepDims, (run) => apply(maxOp, { x: run }, {}).y)
}

/** Sums `x` to `shape`, which broadcasts to its shape: the adjoint of `broadcastTo`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  const lead = x.shape.length - shape.length
  const axes = x.shape.flatMap((axis, i) => (i < lead || (shape[i - lead] === 1 && axis !== 1) ? [i] : []))
  return axes.length === 0 ? x : reshape(sum(x, axes, true), shape)
}

/** Repeats `x` along axes of 1, and along new axes in front, to `shape`. */
export function broadcastTo(x: Tensor, shape: Shape): Tensor {
  const lead = shape.length - x.shape.length
  const from = [...shape.slice(0, Math.max(lead, 0)).map(() => 1), ...x.shape]
  expectShape(
    'broadcastTo',
    shape,
    shape.map((axis, i) => (from[i] === 1 ? axis : from[i])),
  )
  let y = x
  for (const [start, end] of runsOf(shape.flatMap((axis, i) => (from[i] !== axis ? [i] : [])))) {
    const outer = sizeOf(shape.slice(0, start))
    const inner = sizeOf(from.slice(end))
    const n = sizeOf(shape.slice(start, end))
    y = apply(broadcastOp, { x: reshape(y, [outer, inner]) }, { n, factor: 1 }).y
  }
  return reshape(y, shape)
}

/** Reduces one run of neighbouring axes after the other, the last first. */
function reduce(
  where: string,
  x: Tensor,
  axes: readonly number[] | undefined,
  keepDims: boolean,
  one: (run: Tensor) => Tensor,
): Tensor {
  const rank = x.shape.length
  const wanted = (axes ?? x.shape.map((_, i) => i)).map((axis) => (axis < 0 ? axis + rank : axis))
  if (wanted.some((axis) => !Number.isInteger(axis) || axis < 0 || axis >= rank)) {
    throw new ShapeError('no such axis', {
      where,
      found: `${showShape(axes ?? [])} of ${showShape(x.shape)}`,
    })
  }
  const sizes = [...x.shape]
  let y = x
  for (const [start, end] of runsOf(wanted.toSorted((a, b) => a - b)).toReversed()) {
    const [outer, n, inner] = [sizes.slice(0, start), sizes.slice(start, end), sizes.slice(end)].map(sizeOf)
    y = one(reshape(y, [outer, n, inner]))
    sizes.fill(1, start, end)
  }
  return reshape(y, keepDims ? sizes : sizes.filter((_, i) => !wanted.includes(i)))
}

/** Runs [start, end) of consecutive numbers in a sorted list. */
function runsOf(axes: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const axis of axes) {
    const last = runs.at(-1)
    if (last && axis < last[1]) continue
    if (last?.[1] === axis) last[1]++
    else runs.push([axis, axis + 1])
  }
  return runs
}
