import { DTYPES } from '../../devices/dtype.ts'
import { ShapeError } from '../../errors.ts'
import { showShape, sizeOf, type Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply, contiguous } from '../apply.ts'
import { defineOperation, defineView } from '../operation.ts'
import {
  part,
  type ColumnsInputs,
  type ColumnsOutputs,
  type ColumnsParams,
  type ConcatOutputs,
  type ConcatParams,
  type Parts,
  type ReshapeInputs,
  type ReshapeParams,
  type SplitParams,
} from './types.ts'

export type { Parts } from './types.ts'

/** More parts than this are copied together before they are joined, if they are views. */
const MOST_VIEWS = 64

/** The same values in another shape. */
export const reshapeOp = defineView<ReshapeInputs, { readonly y: Tensor }, ReshapeParams>({
  name: 'reshape',
  view: ({ x }, { shape }) => ({
    y: x.view(shape, x.offset, shape.at(-1) === x.width ? x.rowStride : (shape.at(-1) ?? 1)),
  }),
  gradient: ({ inputs: { x }, grads }) => ({ x: reshape(grads.y!, x.shape) }),
})

/** Some columns, as a view. */
const columnsOp = defineView<ColumnsInputs, ColumnsOutputs, ColumnsParams>({
  name: 'columns',
  view: ({ x }, { start, width }) => ({ y: columnsOf(x, start, width) }),
  gradient({ inputs: { x }, grads, params: { start, width } }) {
    const widths = [start, width, x.width - start - width]
    return { x: apply(concatOp, { [part(1)]: grads.y }, { leading: x.shape.slice(0, -1), widths }).y }
  },
})

/** All columns, as views side by side. One node, so that the gradients of the parts are joined once. */
const splitOp = defineView<ColumnsInputs, Parts, SplitParams>({
  name: 'split',
  view({ x }, { widths }) {
    let start = 0
    return Object.fromEntries(
      widths.map((width, i) => {
        const y = columnsOf(x, start, width)
        start += width
        return [part(i), y]
      }),
    )
  },
  gradient: ({ inputs: { x }, grads, params: { widths } }) => ({
    x: apply(concatOp, grads as Parts, { leading: x.shape.slice(0, -1), widths }).y,
  }),
})

/** Parts side by side along the last axis. */
export const concatOp = defineOperation<Parts, ConcatOutputs, ConcatParams>({
  name: 'concat',
  dtypes: DTYPES,
  outputs: (parts, { leading, widths }) => ({
    y: {
      shape: [...leading, widths.reduce((sum, width) => sum + width, 0)],
      dtype: Object.values(parts).find((x) => x !== undefined)!.dtype,
    },
  }),
  views: Array.from({ length: MOST_VIEWS }, (_, i) => part(i)),
  gradient({ inputs, grads, params: { widths } }) {
    let start = 0
    return Object.fromEntries(
      widths.map((width, i) => {
        const dy = inputs[part(i)] && contiguous(columnsOf(grads.y!, start, width))
        start += width
        return [part(i), dy]
      }),
    )
  },
})

/**
 * The same values, row-major, in another shape. One axis may be -1: what is left over. Copies strided views,
 * unless the last axis stays.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = sizeOf(shape.filter((axis) => axis !== -1))
  const full = shape.map((axis) => (axis === -1 ? x.size / known : axis))
  if (sizeOf(full) !== x.size || !full.every(Number.isInteger)) {
    throw new ShapeError('does not fit', {
      where: 'reshape: x',
      expected: showShape(shape),
      found: showShape(x.shape),
    })
  }
  const free = x.contiguous || full.at(-1) === x.width
  return apply(reshapeOp, { x: free ? x : contiguous(x) }, { shape: full }).y
}

/** [B, W] as [B, 1, W]: one token of a sequence. Rows may be any stride apart. */
export function asToken(x: Tensor): Tensor {
  return reshape(x, [x.rows, 1, x.width])
}

/** Column views of the last axis, `widths` wide. */
export function split(x: Tensor, widths: readonly number[]): Tensor[] {
  const total = widths.reduce((sum, width) => sum + width, 0)
  if (total !== x.width) {
    throw new ShapeError('widths do not add up to the last axis', {
      where: 'split: x',
      expected: total,
      found: x.width,
    })
  }
  const parts = apply(splitOp, { x }, { widths })
  return widths.map((_, i) => parts[part(i)]!)
}

/** `parts`, alike but for their last axes, side by side. */
export function concat(parts: readonly Tensor[]): Tensor {
  const leading = parts[0]?.shape.slice(0, -1) ?? []
  for (const [i, { shape, dtype }] of parts.entries()) {
    if (showShape(shape.slice(0, -1)) !== showShape(leading) || dtype !== parts[0].dtype) {
      const [expected, found] = [
        `${parts[0].dtype} ${showShape([...leading, -1])}`,
        `${dtype} ${showShape(shape)}`,
      ]
      throw new ShapeError('does not fit the first part', { where: `concat: ${part(i)}`, expected, found })
    }
  }
  const named = Object.fromEntries(parts.map((x, i) => [part(i), x]))
  return apply(concatOp, named, { leading, widths: parts.map((x) => x.width) }).y
}

/**
 * Elements [start, end) of an axis (negative: from the end). A view of columns along the last axis, a view
 * along the first; a copy along others, unless all axes before are 1.
 */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const at = axis < 0 ? axis + x.shape.length : axis
  const size = x.shape[at]
  if (size === undefined || start < 0 || end > size || start >= end) {
    throw new ShapeError('slice is out of range', {
      where: 'slice: x',
      expected: showShape(x.shape),
      found: `axis ${axis}, ${start} to ${end}`,
    })
  }
  if (start === 0 && end === size) return x
  if (at === x.shape.length - 1) return apply(columnsOp, { x }, { start, width: end - start }).y
  const inner = sizeOf(x.shape.slice(at + 1))
  const rows = reshape(x, [sizeOf(x.shape.slice(0, at)), size * inner])
  const part = apply(columnsOp, { x: rows }, { start: start * inner, width: (end - start) * inner }).y
  return reshape(part, x.shape.with(at, end - start))
}

function columnsOf(x: Tensor, start: number, width: number): Tensor {
  return x.view([...x.shape.slice(0, -1), width], x.offset + start, x.rowStride)
}
