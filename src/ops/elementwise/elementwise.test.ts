import { expect, test } from 'vitest'
import { ShapeError } from '../../errors.ts'
import { tensor } from '../../tensor/tensor.ts'
import { withGradients } from '../gradients.ts'
import { openDevice } from '../open-device.ts'
import { accumulate, add, copyInto, multiply, zeros } from './op.ts'

const device = await openDevice('reference')

test('axes that broadcast in turn more often than kernels loop', async () => {
  const a = tensor(device, [1, 2, 3, 4, 5, 6, 7, 8], [2, 1, 2, 1, 2])
  const b = tensor(device, [1, 10, 100, 1000], [1, 2, 1, 2, 1])
  const { result, gradients } = withGradients(
    [a, b],
    () => multiply(a, b),
    (y) => new Map([[y, add(zeros(device, y.shape), tensor(device, [1]))]]),
  )
  expect(result.shape).toEqual([2, 2, 2, 2, 2])
  expect([...(await result.read())].slice(0, 8)).toEqual([1, 2, 10, 20, 3, 4, 30, 40])
  expect([...(await gradients.get(a)!.read())]).toEqual(Array.from({ length: 8 }, () => 1111))
  expect([...(await gradients.get(b)!.read())]).toEqual(Array.from({ length: 4 }, () => 36))
})

test('in place', async () => {
  const into = zeros(device, [3], 'i32')
  copyInto(into, tensor(device, Int32Array.of(1, 2, 3)))
  accumulate(into, tensor(device, Int32Array.of(1, 1, 1)))
  expect([...(await into.read())]).toEqual([2, 3, 4])
  expect(() => accumulate(into, zeros(device, [3]))).toThrow(ShapeError)
  expect(() => copyInto(into, zeros(device, [1, 3], 'i32'))).toThrow(ShapeError)
})
