import { expect, test } from 'vitest'
import { relativeError } from '../../../test/suites/compare.ts'
import type { AnyDevice } from '../../devices/device.ts'
import { openDevice } from '../../ops/open-device.ts'
import { Random } from '../../tensor/random.ts'
import { scope } from '../../tensor/scope.ts'
import { tensor, type Tensor } from '../../tensor/tensor.ts'
import { contiguous } from '../apply.ts'
import { withGradients } from '../gradients.ts'
import { slice } from '../layout/op.ts'
import { linear, matmul } from './op.ts'

function random(device: AnyDevice, shape: readonly number[], seed: number): Tensor {
  const draw = new Random(seed)
  const size = shape.reduce((product, axis) => product * axis, 1)
  return tensor(
    device,
    Float32Array.from({ length: size }, () => draw.normal()),
    shape,
  )
}

async function flat(x: Tensor): Promise<Float32Array> {
  return (await contiguous(x).read()) as Float32Array
}

test('linear takes one row, or rows in any number of axes', async () => {
  const device = await openDevice('reference')
  const weight = tensor(device, [1, 2, 3, 4, 5, 6], [3, 2])
  const bias = tensor(device, [0, 0, 1])
  const x = tensor(device, [1, 10])
  expect([...(await linear(x, weight, bias).read())]).toEqual([21, 43, 66])
  const rows = tensor(device, [1, 10, 1, 0], [2, 1, 2])
  const y = linear(rows, weight, bias, { activation: 'square' })
  expect(y.shape).toEqual([2, 1, 3])
  expect([...(await y.read())]).toEqual([441, 1849, 4356, 1, 9, 36])
})

test('operands that do not fit are named', async () => {
  const device = await openDevice('reference')
  const a = random(device, [2, 3], 1)
  expect(() => matmul({ a, b: random(device, [4, 5], 2) })).toThrow('matmul: b')
  expect(() => matmul({ a, b: random(device, [3, 5], 2), bias: random(device, [4], 3) })).toThrow(
    'matmul: bias',
  )
  const batch = random(device, [2, 3, 4], 1)
  expect(() => matmul({ a: batch, b: random(device, [3, 4, 5], 2) })).toThrow('leading axes differ')
})

test('what an activation keeps for its gradient goes with the tape', async () => {
  const device = await openDevice('reference')
  const [x, weight] = [random(device, [5, 3], 1), random(device, [7, 3], 2)]
  const seed = random(device, [5, 7], 3)
  const before = device.heap.usedBytes
  const { result, gradients } = withGradients(
    [weight],
    () => linear(x, weight, undefined, { activation: 'silu' }),
    (y) => new Map([[y, seed]]),
  )
  for (const made of [result, ...gradients.values()]) made.dispose()
  expect(device.heap.usedBytes).toBe(before)
})

test('any number of threads gives the same bits', async () => {
  const results: Float32Array[][] = []
  for (const threads of [1, 2, 3]) {
    const device = await openDevice('wasm', { threads })
    const all = scope(() =>
      [
        { a: [131, 67], b: [67, 203] },
        { a: [3, 67], b: [67, 203] },
        { a: [1031, 131], b: [1031, 67], transposeA: true },
        { a: [2, 67], b: [203, 67], transposeB: true },
      ].map(({ a, b, ...flags }) => matmul({ a: random(device, a, 1), b: random(device, b, 2) }, flags)),
    )
    results.push(await Promise.all(all.map(async (y) => (await y.read()) as Float32Array)))
    device.destroy()
  }
  expect(results[1]).toEqual(results[0])
  expect(results[2]).toEqual(results[0])
})

test('operands larger than the scratch for packing give what their parts give', async () => {
  const device = await openDevice('wasm', { threads: 2 })
  const [M, K, N] = [19, 2053, 2100]
  const cheap = (shape: readonly number[]): Tensor => {
    const size = shape.reduce((product, axis) => product * axis, 1)
    return tensor(
      device,
      Float32Array.from({ length: size }, (_, i) => Math.sin(i)),
      shape,
    )
  }
  const a = cheap([M, K])
  const b = cheap([N, K])
  const y = matmul({ a, b }, { transposeB: true })
  const part = matmul({ a, b: slice(b, 0, 2040, N) }, { transposeB: true })
  expect(await flat(slice(y, 1, 2040, N))).toEqual(await flat(part))

  const tall = cheap([K, N])
  const narrow = cheap([K, M])
  const turned = matmul({ a: tall, b: narrow }, { transposeA: true })
  const end = matmul({ a: slice(tall, 1, 2040, N), b: narrow }, { transposeA: true })
  expect(await flat(slice(turned, 0, 2040, N))).toEqual(await flat(end))

  const batch = cheap([3, 1031, N])
  const left = cheap([3, M, 1031])
  const all = matmul({ a: left, b: batch })
  const last = matmul({ a: slice(left, 0, 2, 3), b: slice(batch, 0, 2, 3) })
  expect(await flat(slice(all, 0, 2, 3))).toEqual(await flat(last))
  device.destroy()
})

test('tiles of 16 columns give what tiles of 8 give, at any edge', async () => {
  const devices = await Promise.all(
    [8, 16].map((tileColumns) => openDevice('wasm', { threads: 2, choices: { tileColumns } })),
  )
  for (const [M, N, K] of [
    [17, 16, 8],
    [18, 24, 7],
    [19, 1, 33],
    [20, 31, 1],
    [200, 45, 1030],
  ] as const) {
    const [narrow, wide] = await Promise.all(
      devices.map((device) =>
        scope(() => matmul({ a: random(device, [M, K], 1), b: random(device, [K, N], 2) }, {})).read(),
      ),
    )
    expect(relativeError(wide, narrow)).toBeLessThan(2e-6)
  }
  for (const device of devices) device.destroy()
})
