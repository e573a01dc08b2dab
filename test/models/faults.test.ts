import { expect, test } from 'vitest'
import { slidingWindows } from '../../src/data/passes.ts'
import type { AnyDevice, DeviceName } from '../../src/devices/device.ts'
import { NumericsError } from '../../src/errors.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { sample } from '../../src/ops/index.ts'
import { scope } from '../../src/tensor/scope.ts'
import { evaluate } from '../../src/tasks/evaluate.ts'
import { language } from '../../src/tasks/language.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { testDevices } from '../devices.ts'
import { configOf, drawn, openModel, type Kind } from '../suites/session-models.ts'

/** A model with one parameter changed. */
async function broken(
  device: AnyDevice,
  kind: Kind,
  name: string,
  change: (value: number) => number,
): Promise<LanguageModel> {
  const model = await openModel(device, configOf(kind))
  const { tensor: parameter } = model.parameters.get(name)!
  parameter.write((await parameter.read()).map(change))
  return model
}

const EMBEDDINGS = 'backbone.embeddings.weight'
const options = { maxTokens: 3, stopTokens: [] }

const windows = slidingWindows([1, 2, 3, 4, 5], { window: 5, stride: 5, piece: 16 })

/** All ways to logits are the same error, and the session goes on to say so. */
async function expectFault(model: LanguageModel, rule: RegExp, where: RegExp): Promise<void> {
  const sessions = [model.session(), model.session()]
  const [session] = sessions
  for (const each of sessions) await each.append([1, 2, 3])
  for (const use of [
    () => drawn(session, { ...options, temperature: 1 }),
    () => drawn(session, { ...options, temperature: 0 }),
    () => session.logits(),
    () => model.logits([[1, 2, 3]]),
    () => model.batch(sessions).generate(options).next(),
    // Zeros are as good a guess as any for a score.
    ...(/finite/.test(rule.source) ? [() => evaluate(model, language(), windows)] : []),
  ]) {
    const error = await Promise.resolve()
      .then((): Promise<unknown> => use())
      .then(
        () => 'nothing was thrown',
        (reason: unknown) => reason,
      )
    expect(error).toBeInstanceOf(NumericsError)
    expect((error as NumericsError).message).toMatch(rule)
    expect((error as NumericsError).where).toMatch(where)
  }
  for (const each of [...sessions, model]) each.dispose()
}

testDevices(
  'logits that no token can be drawn from',
  (device, repeats, name: DeviceName) => {
    // In float64, squares of such numbers are numbers.
    const f32 = name !== 'reference'

    test.runIf(f32)('squares that overflow in a norm', async () => {
      const large = await broken(device(), 'mamba2', EMBEDDINGS, (value) => value * 1e21)
      await expectFault(large, /not finite.*numbers up to \d.*e\+\d\d.*1\.8e19/, /: backbone\.layers\.0$/)
    })

    test.runIf(f32)('squares that overflow in the middle', repeats, async () => {
      const projection = 'backbone.layers.0.mixer.out_proj.weight'
      const large = await broken(device(), 'mamba', projection, (value) => value * 1e22)
      // The norm before its MLP is the first that takes it.
      await expectFault(large, /not finite.*numbers up to \d.*e\+20/, /: backbone\.layers\.0$/)
    })

    test('NaN in the weights of a layer', async () => {
      const bad = await broken(device(), 'hybrid', 'backbone.layers.2.mixer.D', () => Number.NaN)
      await expectFault(bad, /not finite/, /: backbone\.layers\.2$/)
      const early = await broken(device(), 'mamba', 'backbone.layers.1.mixer.D', () => Number.NaN)
      await expectFault(early, /not finite/, /: backbone\.layers\.1$/)
    })

    test('zeros from the last norm on, where numbers were lost', async () => {
      const norm = await broken(device(), 'mamba2', 'backbone.norm_f.weight', () => 0)
      await expectFault(norm, /all logits are 0/, /: backbone\.norm$/)
    })

    test('a model of zeros gives zeros, and draws any token', async () => {
      const zero = await broken(device(), 'mamba', EMBEDDINGS, () => 0)
      expect((await zero.logits([[1, 2, 3]])).data.every((logit) => logit === 0)).toBe(true)
      const sessions = [zero.session(), zero.session()]
      for (const each of sessions) await each.append([1, 2, 3])
      expect((await sessions[0].logits()).every((logit) => logit === 0)).toBe(true)
      expect(await drawn(sessions[0], { ...options, temperature: 0 })).toEqual([0, 0, 0])
      const many = await drawn(sessions[0], { ...options, maxTokens: 6, temperature: 1, seed: 7 })
      expect(new Set(many).size).toBeGreaterThan(1)
      expect(Math.min(...many)).toBeGreaterThanOrEqual(0)
      const batch = zero.batch([sessions[1]]).generate({ ...options, temperature: 0 })
      expect((await batch.next()).value?.[0].token).toBe(0)
      await batch.return()
      for (const each of [...sessions, zero]) each.dispose()
    })

    test('the sampler: what is no number, zeros, and masks', async () => {
      const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: none } = Number
      const rows = [
        [0, 0, 0, 0],
        [-0, 0, -0, 0],
        [0, none, none, none],
        [0, none, 0, none],
        [-1, -1, -1, -1],
        [0, 0, 0, -1e-30],
        [none, none, none, none],
        [1, nan, 2, 3],
        [1, 2, 3, inf],
        [none, -5, none, none],
      ]
      const expected = [-2, -2, 0, 0, 0, 0, -1, -1, -1, 1]
      for (const temperature of [0, 1]) {
        const tokens = scope(() =>
          sample({
            logits: tensor(device(), rows.flat(), [rows.length, 4]),
            uniform: tensor(device(), new Float32Array(rows.length)),
            settings: tensor(device(), [temperature, 0, 1, 0, 1, 0, 0, 0]),
          }),
        )
        expect([...(await tokens.read())]).toEqual(expected)
        tokens.dispose()
      }
    })
  },
  ['reference', 'wasm', 'webgpu'],
)
