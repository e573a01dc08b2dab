import { expect, test } from 'vitest'
import { relativeError } from '../../test/suites/compare.ts'
import { ConfigError, DeviceError } from '../errors.ts'
import { linear } from '../ops/matmul/op.ts'
import { openDevice } from '../ops/open-device.ts'
import { ssd } from '../ops/ssd/op.ts'
import { Random } from '../tensor/random.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { choicesFor, explainChoices, type ChoiceValues } from './choices.ts'
import type { AnyDevice } from './device.ts'

test('a class has its own values, and overrides come first', () => {
  const usual = choicesFor('wasm')
  const changed = choicesFor('wasm', { ssdChunk: 16 })
  expect(changed).toEqual({ ...usual, ssdChunk: 16 })
  expect(explainChoices(changed).filter(({ overridden }) => overridden)).toEqual([
    { key: 'ssdChunk', meaning: 'tokens of a chunk of SSD', value: 16, overridden: true },
  ])
  expect(() => choicesFor('reference').ssdChunk).toThrow(DeviceError)
  expect(explainChoices(choicesFor('webgpu')).map(({ key }) => key)).not.toContain('cacheRows')
})

test('names and values that are none are refused', async () => {
  const wrong = { ssdChunks: 16 } as Partial<ChoiceValues>
  expect(() => choicesFor('wasm', wrong)).toThrow('ssdChunk, ltiConvolution')
  expect(() => choicesFor('webgpu', { cacheRows: 96 })).toThrow(ConfigError)
  for (const ssdChunk of [0, -1, 1.5, Number.NaN, Infinity]) {
    expect(() => choicesFor('wasm', { ssdChunk })).toThrow(ConfigError)
  }
  await expect(openDevice('wasm', { choices: { fewRows: 0 } })).rejects.toThrow('choices: fewRows')
})

const random = new Random(1)
const normals = (size: number, factor = 1): Float32Array =>
  Float32Array.from({ length: size }, () => factor * random.normal())
const [L, H, P, N] = [70, 2, 8, 4]
const sequence = {
  x: normals(L * H * P),
  dt: normals(L * H, 0.1).map(Math.abs),
  A: Float32Array.of(-1, -3),
  B: normals(L * N),
  C: normals(L * N),
}
const [rows, weight] = [normals(5 * 64), normals(33 * 64)]

async function results(choices: Partial<ChoiceValues>): Promise<ArrayLike<number>[]> {
  const device: AnyDevice = await openDevice('wasm', { threads: 2, choices })
  const of = (values: Float32Array, ...shape: number[]): Tensor => tensor(device, values, shape)
  const inputs = {
    x: of(sequence.x, 1, L, H * P),
    delta: of(sequence.dt, 1, L, H),
    A: of(sequence.A, H),
    B: of(sequence.B, 1, L, N),
    C: of(sequence.C, 1, L, N),
  }
  const made = [
    ssd(inputs, { groups: 1, deltaSoftplus: false }).y,
    linear(of(rows, 5, 64), of(weight, 33, 64)),
  ]
  const values = await Promise.all(made.map((each) => each.read()))
  device.destroy()
  return values
}

test('choices change how kernels are cut, not what they compute', async () => {
  const usual = await results({})
  const others = await results({ ssdChunk: 7, fewRows: 1, cacheRows: 12, cacheColumns: 8, cacheInner: 16 })
  for (const [i, values] of usual.entries()) {
    // Sums are added in another order: other bits, which says that the choice has reached the kernel.
    expect(others[i]).not.toEqual(values)
    expect(relativeError(others[i], values)).toBeLessThan(2e-6)
  }
  expect(await results({})).toEqual(usual)
})
