/**
 * What version 0.1.0 wrote opens: a model of our own layout with the names of its time, and a state saved of
 * it.
 */
import { expect, test } from 'vitest'
import { loadModel } from '../../src/language/load-model.ts'
import { testDevices } from '../devices.ts'
import { readTestFile } from '../files.ts'
import { relativeError } from '../suites/compare.ts'
import { drawn } from '../suites/session-models.ts'

const FOLDER = 'test/fixtures/former'

interface Expected {
  readonly tokens: readonly number[]
  readonly logits: readonly number[]
}

testDevices(
  'files of version 0.1.0',
  (device) => {
    test('a model and a saved state', async () => {
      const files = new Map<string, Uint8Array>()
      for (const name of ['config.json', 'model.safetensors'])
        files.set(name, await readTestFile(`${FOLDER}/${name}`))
      const model = await loadModel(files, { device: device() })
      const session = await model.session({ from: await readTestFile(`${FOLDER}/session.state`) })
      const text = new TextDecoder().decode(await readTestFile(`${FOLDER}/expected.json`))
      const { tokens, logits } = JSON.parse(text) as Expected
      expect(session.length).toBe(8)
      expect(await drawn(session, { temperature: 0, maxTokens: tokens.length })).toEqual(tokens)
      expect(relativeError(await session.logits(), logits)).toBeLessThan(1e-4)
      // Saved states name their model by it, whatever the device: it must not change.
      const own = '65c5231ba63cc689d411a4a1396e1017dfddb21f939661f74c0b249ca8d2843c'
      expect(await model.fingerprint()).toBe(own)
      // Version 1 does not say which model made it: any of the architecture takes it. What is saved now does.
      const other = await loadModel(files, { device: device(), weights: 'q8' })
      const taken = await other.session({ from: await readTestFile(`${FOLDER}/session.state`) })
      await expect(other.session({ from: await session.save() })).rejects.toThrow(/other weights/)
      taken.dispose()
      other.dispose()
      session.dispose()
      model.dispose()
    })
  },
  ['reference', 'wasm'],
)
