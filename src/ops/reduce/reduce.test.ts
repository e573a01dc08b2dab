import { expect, test } from 'vitest'
import { ShapeError } from '../../errors.ts'
import { tensor } from '../../tensor/tensor.ts'
import { openDevice } from '../open-device.ts'
import { broadcastTo, max, mean, sum, sumTo } from './op.ts'

const device = await openDevice('reference')
const x = tensor(
  device,
  Float32Array.from({ length: 12 }, (_, i) => i),
  [2, 3, 2],
)

test('any axes can be summed', async () => {
  expect([...(await sum(x).read())]).toEqual([66])
  expect([...(await sum(x, [1]).read())]).toEqual([6, 9, 24, 27])
  const apart = sum(x, [0, -1], true)
  expect(apart.shape).toEqual([1, 3, 1])
  expect([...(await apart.read())]).toEqual([14, 22, 30])
  expect([...(await mean(x, [0]).read())]).toEqual([3, 4, 5, 6, 7, 8])
  expect([...(await max(x, [1, 2]).read())]).toEqual([5, 11])
  expect(() => sum(x, [3])).toThrow(ShapeError)
})

test('broadcastTo repeats, and sumTo is its adjoint', async () => {
  const row = tensor(device, [1, 2, 3], [1, 3, 1])
  const y = broadcastTo(row, [2, 3, 2])
  expect([...(await y.read())]).toEqual([1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3])
  expect([...(await sumTo(y, [1, 3, 1]).read())]).toEqual([4, 8, 12])
  expect([...(await sumTo(y, [2]).read())]).toEqual([12, 12])
  expect(() => broadcastTo(row, [2, 4, 2])).toThrow(ShapeError)
})
