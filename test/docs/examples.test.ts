/** The programs in examples: the small Mamba-2 is the library's, the others do what their first lines say. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { languageModel, mamba2 } from '../../examples/minimal-mamba2.ts'
import { createModel } from '../../src/language/create-model.ts'
import { dispose, place, walk } from '../../src/nn/module.ts'
import { Mamba2 } from '../../src/nn/mixers/mamba2.ts'
import { randomNormal } from '../../src/nn/random-normal.ts'
import { slice, reshape } from '../../src/ops/index.ts'
import type { Tensor } from '../../src/tensor/tensor.ts'
import { testDevices } from '../devices.ts'
import { relativeError } from '../suites/compare.ts'

const error = async (a: Tensor, b: Tensor): Promise<number> => relativeError(await a.read(), await b.read())

testDevices(
  'the minimal Mamba-2 and the library',
  (device) => {
    test('a layer: a sequence, its states, and step by step', async () => {
      const options = { input: 24, hidden: 48, output: 24, headDim: 12, stateSize: 8 }
      const layer = place(new Mamba2(options), device(), { seed: 3 })
      const parameters = new Map(walk(layer).map(({ path, parameter }) => [path, parameter.tensor]))
      const weights = (name: string): Tensor => parameters.get(name)!
      const [batch, length] = [2, 37]
      const u = randomNormal(device(), [batch, length + 3, 24])
      const given = slice(u, 1, 0, length)
      const theirs = layer.sequence(given)
      const ours = mamba2(given, weights)
      expect(await error(ours.y, theirs.y)).toBeLessThan(2e-5)
      for (const [head, state] of ours.state.heads.entries()) {
        const expected = slice(theirs.state['ssm'], 1, head, head + 1)
        expect(await error(state, reshape(expected, state.shape))).toBeLessThan(2e-5)
      }
      let { state } = ours
      for (let t = length; t < length + 3; t++) {
        const token = reshape(slice(u, 1, t, t + 1), [batch, 24])
        const next = mamba2(token, weights, state)
        expect(await error(next.y, layer.step(token, theirs.state))).toBeLessThan(2e-5)
        state = next.state
      }
      dispose(layer)
    })

    test('a language model: logits of a text, and of the tokens after it', async () => {
      const model = await createModel({
        architecture: 'mamba2',
        layers: 2,
        width: 32,
        stateSize: 8,
        vocabulary: 50,
        device: device(),
        seed: 4,
      })
      const weights = (name: string): Tensor => model.parameters.get(name)!.tensor
      const tokens = Array.from({ length: 20 }, (_, i) => (7 * i) % 50)
      const { data } = await model.logits([tokens])
      const read = languageModel(model.tokens([tokens.slice(0, 18)]), weights, 2)
      const rows = (await read.logits.read()) as Float32Array
      expect(relativeError(rows, data.subarray(0, 18 * 50))).toBeLessThan(1e-4)
      let { states } = read
      for (let t = 18; t < 20; t++) {
        const next = languageModel(reshape(model.tokens([[tokens[t]]]), [1]), weights, 2, states)
        expect(relativeError(await next.logits.read(), data.subarray(t * 50, (t + 1) * 50))).toBeLessThan(
          1e-4,
        )
        states = next.states
      }
      model.dispose()
    })
  },
  ['wasm'],
)

/** What a program prints. */
async function run(...words: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/run-ts.mjs', ...words])
  return stdout
}

test('train.ts learns and saves, generate.ts goes on from it twice', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidewinder-examples-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const [model, state] = [join(folder, 'model'), join(folder, 'state')]
  const trained = await run('examples/train.ts', '--text', 'LICENSE', '--steps', '20', '--out', model)
  const [, loss] = /held-out text: ([\d.]+) bits/.exec(trained)!
  expect(Number(loss)).toBeLessThan(5)
  const generate = ['examples/generate.ts', model, '--prompt', 'the ', '--state', state, '--tokens', '10']
  expect(await run(...generate)).toMatch(/^the .*14 tokens so far/s)
  expect(await run(...generate)).toMatch(/24 tokens so far/)
})

test('classify.ts tells donors from other sequences', async () => {
  const printed = await run('examples/classify.ts', '--steps', '60')
  const [, right] = /test: ([\d.]+) % right/.exec(printed)!
  expect(Number(right)).toBeGreaterThan(90)
  expect(printed).toMatch(/a new sequence with a donor is taken for: donor/)
})
