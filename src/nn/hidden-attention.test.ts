import { expect, test } from 'vitest'
import { testDevices } from '../../test/devices.ts'
import { relativeError } from '../../test/suites/compare.ts'
import { ShapeError, StateError } from '../errors.ts'
import { modelConfig } from '../models/config.ts'
import { Model } from '../models/model.ts'
import { add, concat, matmul, multiply, reshape, slice, subtract } from '../ops/index.ts'
import { persistent, scope } from '../tensor/scope.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { hiddenAttention } from './hidden-attention.ts'
import { Mamba1 } from './mixers/mamba1.ts'
import { Mamba2 } from './mixers/mamba2.ts'
import { place } from './module.ts'
import { observe } from './observe.ts'
import { randomNormal } from './random-normal.ts'
import { S4D } from './mixers/s4d.ts'
import { copyOf } from './states.ts'

const SIZES = { input: 10, hidden: 12, output: 10, stateSize: 4 }
const MIXERS = {
  'Mamba-1': () => new Mamba1(SIZES),
  Jamba: () => new Mamba1({ ...SIZES, innerNorm: { eps: 1e-5, weights: true } }),
  'Mamba-2': () => new Mamba2({ ...SIZES, headDim: 3, groups: 2, deltaLimit: [0.003, 0.05] }),
}

/** What the mixer notes, copied. */
function notesOf(body: () => void): Record<string, Tensor> {
  const parts: Record<string, Tensor> = {}
  observe(body, (_path, name, part) => (parts[name] = copyOf(part)))
  return parts
}

/** M x + D x: what a matrix for each channel or head makes of its numbers of x [B, L, E]. */
function multipliedOut(matrices: Tensor, x: Tensor, D: Tensor): Tensor {
  const [batch, count, length] = matrices.shape as [number, number, number]
  const width = x.width / count
  return concat(
    Array.from({ length: count }, (_, i) => {
      const own = slice(x, 2, i * width, (i + 1) * width)
      const matrix = reshape(slice(matrices, 1, i, i + 1), [batch, length, length])
      return add(matmul({ a: matrix, b: own }), multiply(own, slice(D, 0, i, i + 1)))
    }),
  )
}

/** ||got - want|| / ||want||, with the difference taken on the device: in float64 on the reference. */
async function differenceOf(got: Tensor, want: Tensor): Promise<number> {
  const norm = relativeError(await want.read(), new Float32Array(want.size))
  return relativeError(await subtract(got, want).read(), new Float32Array(want.size)) / norm
}

/** Two sequences of which the second has resets, at its start and in the middle. */
function resets(length: number): Int32Array {
  const reset = new Int32Array(2 * length)
  for (const at of [0, Math.floor(length / 3), length - 2]) reset[length + at] = 1
  return reset
}

testDevices(
  'hidden attention',
  (device, repeats) => {
    const lengths = (): number[] => (device().name === 'webgpu' ? [5] : [5, 70])
    const tolerance = (): number => (device().name === 'reference' ? 1e-12 : 1e-5)

    for (const [name, create] of Object.entries(MIXERS)) {
      const extent = name === 'Mamba-1' ? {} : repeats
      test(`of ${name}, multiplied out, is the output of the layer`, extent, async () => {
        for (const length of lengths()) {
          const mixer = place(create(), device(), { seed: 2 })
          const x = randomNormal(device(), [2, length, 10], 4)
          const reset = tensor(device(), resets(length), [2, length])
          const matrices = hiddenAttention(() => mixer.sequence(x, { reset }))
          const count = mixer instanceof Mamba2 ? 4 : 12
          expect(matrices.shape).toEqual([2, count, length, length])

          const parts = notesOf(() => mixer.sequence(x, { reset }))
          const y = multipliedOut(matrices, parts.ssm_input, mixer.D.tensor)
          expect(await differenceOf(y, parts.ssm_output)).toBeLessThan(tolerance())
          const gated = multiply(y, parts.gate)
          const output = mixer.outProj.forward(mixer instanceof Mamba2 ? mixer.norm.forward(gated) : gated)
          expect(await differenceOf(output, mixer.sequence(x, { reset }).y)).toBeLessThan(tolerance())
        }
      })
    }
  },
  ['reference', 'wasm', 'webgpu'],
)

testDevices(
  'hidden attention, entry by entry and in a model,',
  (device) => {
    test('is the product of C, decays, B and delta', async () => {
      const [length, at] = [6, 4]
      const x = randomNormal(device(), [1, length, 10], 4)
      const mixer = place(MIXERS['Mamba-1'](), device(), { seed: 2 })
      const values = await hiddenAttention(() => mixer.sequence(x), { channels: [5, 6] }).read()
      const parts = notesOf(() => mixer.sequence(x))
      const [delta, A, B, C] = await Promise.all(
        ['delta', 'A', 'B', 'C'].map(async (part) => parts[part].read()),
      )
      const row = Array.from({ length }, (_, s) => {
        if (s > at) return 0
        let elapsed = 0
        for (let r = s + 1; r <= at; r++) elapsed += delta[r * 12 + 5]
        let sum = 0
        for (let n = 0; n < 4; n++) sum += C[at * 4 + n] * Math.exp(elapsed * A[5 * 4 + n]) * B[s * 4 + n]
        return sum * delta[s * 12 + 5]
      })
      expect(relativeError(values.subarray(at * length, (at + 1) * length), row)).toBeLessThan(1e-5)
    })

    test('is found by its path, and gives back what it took', async () => {
      const options = { architecture: ['mamba2', 's4d', 'mamba'], width: 16, vocabulary: 11 } as const
      const model = Model.create(modelConfig(options), device(), 1)
      const ids = model.tokens([[3, 1, 4, 1, 5]])
      const before = [device().arena.usedBytes, device().heap.usedBytes]
      const whole = hiddenAttention(() => model.forward(ids), { path: 'backbone.layers.2.mixer' })
      const part = hiddenAttention(() => model.forward(ids), {
        path: 'backbone.layers.2.mixer',
        channels: [7, 9],
      })
      expect(part.shape).toEqual([1, 2, 5, 5])
      expect(await part.read()).toEqual((await whole.read()).subarray(7 * 25, 9 * 25))
      for (const matrices of [whole, part]) matrices.dispose()
      expect([device().arena.usedBytes, device().heap.usedBytes]).toEqual(before)
      model.dispose()
    })

    test('errors say what there is', () => {
      const options = { architecture: ['mamba2', 's4d', 'mamba'], width: 16, vocabulary: 11 } as const
      const model = Model.create(modelConfig(options), device(), 1)
      const ids = model.tokens([[3, 1, 4]])
      const paths = /no selective scan; expected path: backbone\.layers\.0\.mixer, backbone\.layers\.2\.mixer/
      const run = (): unknown => model.forward(ids)
      expect(() => hiddenAttention(run, { path: 'backbone.layers.1.mixer' })).toThrow(paths)
      const path = 'backbone.layers.0.mixer'
      expect(() => hiddenAttention(run, { path, channels: [0, 99] })).toThrow(ShapeError)
      expect(() => hiddenAttention(() => [run(), run()], { path })).toThrow(/more than once/)
      const s4d = place(new S4D({ width: 4 }), device())
      const x = persistent(() => randomNormal(device(), [1, 3, 4]))
      expect(() => scope(() => hiddenAttention(() => s4d.sequence(x)))).toThrow(StateError)
      model.dispose()
    })
  },
  ['wasm'],
)
