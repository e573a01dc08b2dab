import { describe, expect, test } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import {
  ARCHITECTURE_NAMES,
  modelConfig,
  type ArchitectureName,
  type ModelOptions,
} from '../../src/models/config.ts'
import { lossAndGradients } from '../../src/tasks/loss.ts'
import { Model } from '../../src/models/model.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { testDevices } from '../devices.ts'
import { relativeError } from '../suites/compare.ts'

const MIX: readonly ArchitectureName[] = ['mamba', 'transformer', 'mamba2', 's4d']

function create(device: AnyDevice, options: Partial<ModelOptions>): Model {
  const config = modelConfig({ architecture: 'mamba2', layers: 2, width: 32, vocabulary: 61, ...options })
  return Model.create(config, device, 3)
}

const randomTokens = (count: number, vocabulary = 61): number[] => {
  const random = new Random(5)
  return Array.from({ length: count }, () => random.integer(vocabulary))
}

/** Logits after the last token, and every state, when the tokens come in pieces of these sizes. */
async function inPieces(
  model: Model,
  tokens: readonly number[],
  sizes: readonly number[],
): Promise<ArrayLike<number>[]> {
  const states = model.createStates(1, tokens.length)
  let logits: ArrayLike<number> = []
  let start = 0
  for (const size of sizes) {
    const ids = model.tokens([tokens.slice(start, start + size)])
    const past = tensor(model.device, Int32Array.of(start))
    const made = scope(() => model.last(ids, { states, past }))
    scope(() => states.take(made.states))
    logits = await made.logits.read()
    start += size
  }
  const values = await Promise.all([...states.named.values()].map((each) => each.read()))
  return [logits, ...values]
}

testDevices('the forms of a model', (device, repeats) => {
  describe('a prompt in any pieces is the prompt in one', () => {
    for (const architecture of [MIX, ...ARCHITECTURE_NAMES]) {
      test(String(architecture), architecture === MIX ? {} : repeats, async () => {
        const model = create(device(), { architecture, layers: typeof architecture === 'string' ? 2 : 4 })
        const tokens = randomTokens(75)
        const whole = await inPieces(model, tokens, [75])
        for (const sizes of [
          [1, 74],
          [37, 38],
          [64, 1, 10],
          [3, 1, 1, 70],
        ]) {
          const pieced = await inPieces(model, tokens, sizes)
          for (const [i, want] of whole.entries()) expect(relativeError(pieced[i], want)).toBeLessThan(1e-5)
        }
        model.dispose()
      })
    }
  })

  test('one step at a time is the sequence at once', async () => {
    const model = create(device(), { architecture: MIX, layers: 4 })
    const tokens = randomTokens(20)
    const want = await model.logits([tokens])
    const states = model.createStates(1, 20)
    for (const [at, token] of tokens.entries()) {
      const input = tensor(model.device, Int32Array.of(token))
      const past = tensor(model.device, Int32Array.of(at))
      const logits = scope(() => model.step(input, states, past))
      expect(relativeError(await logits.read(), want.data.subarray(at * 61, (at + 1) * 61))).toBeLessThan(
        1e-5,
      )
    }
    model.dispose()
  })

  test('recomputed layers give the same gradients', async () => {
    const model = create(device(), { architecture: MIX, layers: 4 })
    const rows = [randomTokens(24), randomTokens(24).toReversed()]
    const plain = await lossAndGradients(model, { tokens: rows, labels: rows })
    const again = await lossAndGradients(model, { tokens: rows, labels: rows, recompute: true })
    expect(again.loss).toBe(plain.loss)
    expect(again.gradients.size).toBe(plain.gradients.size)
    for (const [name, gradient] of plain.gradients) expect(again.gradients.get(name), name).toEqual(gradient)
    model.dispose()
  })

  test('a packed document sees nothing of the one before', async () => {
    const model = create(device(), { architecture: MIX, layers: 4 })
    const [a, b] = [randomTokens(19), randomTokens(30).slice(5)]
    const alone = await model.logits([b])
    const ids = model.tokens([[...a, ...b]])
    const reset = tensor(
      model.device,
      Int32Array.from({ length: 44 }, (_, i) => (i === 0 || i === 19 ? 1 : 0)),
      [1, 44],
    )
    const packed = scope(() => model.forward(ids, { reset }).y)
    const values = (await packed.read()).subarray(19 * 61)
    expect(relativeError(values, alone.data)).toBeLessThan(1e-5)
    model.dispose()
  })

  describe('without a vocabulary', () => {
    const [batch, length, features] = [2, 9, 3]
    test.each([
      { head: 'a classifier', options: { classes: 5 }, shape: [batch, 5] },
      { head: 'a regressor of positions', options: { outputs: 4 }, shape: [batch, length, 4] },
      {
        head: 'a regressor of sequences',
        options: { outputs: 4, each: 'sequence' as const },
        shape: [batch, 4],
      },
    ])('$head reads all of a sequence, and of no other', async ({ options, shape }) => {
      const model = create(device(), { vocabulary: undefined, features, architecture: 'mamba', ...options })
      const before = device().heap.usedBytes
      const input = Float32Array.from({ length: batch * length * features }, (_, i) => Math.sin(i))
      const output = async (): Promise<Float32Array> => {
        const y = scope(() => {
          const x = tensor(device(), input, [batch, length, features])
          return model.forward(x).y
        })
        expect(y.shape).toEqual(shape)
        const values = (await y.read()) as Float32Array
        y.dispose()
        return values
      }
      const plain = await output()
      // The first position of the first sequence.
      input[0] += 1
      const changed = await output()
      const half = plain.length / batch
      const rows = shape.at(-1)!
      // The last row of the first sequence has seen it, the second sequence has not.
      expect(changed.slice(half - rows, half)).not.toEqual(plain.slice(half - rows, half))
      expect(changed.slice(half)).toEqual(plain.slice(half))
      expect(device().heap.usedBytes).toBe(before)
      model.dispose()
    })
  })
})
