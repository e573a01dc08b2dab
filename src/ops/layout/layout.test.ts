import { expect, test } from 'vitest'
import { ShapeError } from '../../errors.ts'
import type { Shape } from '../../tensor/shape.ts'
import { tensor, type Tensor } from '../../tensor/tensor.ts'
import { contiguous } from '../apply.ts'
import { scale } from '../elementwise/op.ts'
import { withGradients } from '../gradients.ts'
import { openDevice } from '../open-device.ts'
import { concat, reshape, slice, split } from './op.ts'

const device = await openDevice('reference')
const count = (shape: Shape): Tensor => {
  const size = shape.reduce((product, axis) => product * axis, 1)
  return tensor(
    device,
    Float32Array.from({ length: size }, (_, i) => i),
    shape,
  )
}
const valuesOf = async (x: Tensor): Promise<number[]> => [...(await contiguous(x).read())]

/** The gradient of x from cotangents 1, 2, 3, ... of what `body` gives. */
async function gradientOf(x: Tensor, body: () => Tensor): Promise<number[]> {
  const { gradients } = withGradients([x], body, (y) => new Map([[y, scale(count(y.shape), 1, 1)]]))
  return valuesOf(gradients.get(x)!)
}

test('split gives views; their gradients are joined, zero where a part is not used', async () => {
  const x = count([2, 5])
  const [a, b, c] = split(x, [2, 1, 2])
  expect(await valuesOf(a)).toEqual([0, 1, 5, 6])
  expect(await valuesOf(b)).toEqual([2, 7])
  expect(await valuesOf(c)).toEqual([3, 4, 8, 9])
  expect(c.storage).toBe(x.storage)
  const gradient = await gradientOf(x, () => {
    const [first, , third] = split(x, [2, 1, 2])
    return concat([third, first])
  })
  expect(gradient).toEqual([3, 4, 0, 1, 2, 7, 8, 0, 5, 6])
})

test('slice along any axis, with its gradient', async () => {
  const x = count([2, 3, 2])
  expect(await valuesOf(slice(x, 0, 1, 2))).toEqual([6, 7, 8, 9, 10, 11])
  expect(await valuesOf(slice(x, 1, 1, 3))).toEqual([2, 3, 4, 5, 8, 9, 10, 11])
  expect(await valuesOf(slice(x, -1, 1, 2))).toEqual([1, 3, 5, 7, 9, 11])
  expect(slice(x, 0, 1, 2).storage).toBe(x.storage)
  expect(slice(x, 2, 0, 1).storage).toBe(x.storage)
  expect(await gradientOf(x, () => slice(x, 1, 1, 2))).toEqual([0, 0, 1, 2, 0, 0, 0, 0, 3, 4, 0, 0])
  expect(await gradientOf(x, () => slice(x, 0, 1, 2))).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6])
  expect(() => slice(x, 1, 2, 4)).toThrow(ShapeError)
})

test('reshape keeps strided rows as they are, and copies where it must', async () => {
  const columns = slice(count([2, 2, 3]), 2, 1, 3)
  const rows = reshape(columns, [4, 2])
  expect(rows.storage).toBe(columns.storage)
  expect(await valuesOf(rows)).toEqual([1, 2, 4, 5, 7, 8, 10, 11])
  expect(await valuesOf(reshape(columns, [-1]))).toEqual([1, 2, 4, 5, 7, 8, 10, 11])
  expect(() => reshape(columns, [3, -1])).toThrow(ShapeError)
})

test('parts that do not fit are refused', () => {
  expect(() => concat([count([2, 1]), count([3, 1])])).toThrow('concat: part1')
  expect(() => split(count([2, 3]), [1, 1])).toThrow('widths do not add up')
})
