import { expect, test } from 'vitest'
import { ReferenceDevice } from '../devices/reference/device.ts'
import { DeviceError } from '../errors.ts'
import { tensor } from '../tensor/tensor.ts'
import { flip } from './flip/op.ts'
import { withKernels } from './kernels/kernels.ts'
import { meanSquaredError } from './mean-squared-error/op.ts'
import { kernels } from './kernels/reference.ts'

test('an operation with neither kernel nor formula names itself and the device', () => {
  const device = withKernels(new ReferenceDevice(), {})
  expect(() => flip(tensor(device, [1, 2], [1, 2]))).toThrow(DeviceError)
  expect(() => flip(tensor(device, [1, 2], [1, 2]))).toThrow(/^\[flip\].*no kernel.*found reference/)
})

test('a device that openDevice did not open says so', () => {
  expect(() => flip(tensor(new ReferenceDevice(), [1, 2], [1, 2]))).toThrow(/\[flip\].*openDevice/)
})

test('a formula runs where there is no kernel, and gives back what it took', async () => {
  const device = withKernels(new ReferenceDevice(), kernels)
  const [prediction, target] = [tensor(device, [1, 5], [2, 1]), tensor(device, [0, 2], [2, 1])]
  const { loss, count } = meanSquaredError({ prediction, target })
  expect([await loss.item(), await count.item()]).toEqual([5, 2])
  for (const x of [loss, count, prediction, target]) x.dispose()
  expect(device.heap.usedBytes + device.arena.usedBytes).toBe(0)
})
