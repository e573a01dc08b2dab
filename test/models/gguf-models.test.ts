/** GGUF files as models: logits, tokens and text against what others computed. */
import { expect, test } from 'vitest'
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { testDevices } from '../devices.ts'
import { readTestFile } from '../files.ts'
import { relativeError } from '../suites/compare.ts'

const MODELS = {
  mamba1: ['f32', 'f16', 'q8_0'],
  mamba2: ['f32', 'f16', 'q8_0'],
  'mamba2-groups': ['f32'],
  'falcon-mamba': ['f32'],
} as const

/** Greedy tokens bind until two logits are nearer than this. */
const MARGIN = 1e-3

testDevices(
  'GGUF models',
  (device, repeats) => {
    for (const [name, types] of Object.entries(MODELS)) {
      for (const type of types) {
        // One model shows how each type is read and computed on.
        test(`${name} ${type}`, name === 'mamba1' ? {} : repeats, async () => {
          const folder = `test/fixtures/gguf/${name}`
          const file = `model-${type}.gguf`
          const io = await readSafetensors(await readTestFile(`${folder}/io.safetensors`))
          const values = async (key: string): Promise<number[]> => Array.from(await io.get(key)!.read())
          const fixture = JSON.parse(
            new TextDecoder().decode(await readTestFile(`${folder}/fixture.json`)),
          ) as {
            prompt_text: string
            greedy_text: string
          }
          const model = await loadModel(new Map([[file, await readTestFile(`${folder}/${file}`)]]), {
            device: device(),
          })
          const { data } = await model.logits([await values('ids')])
          expect(relativeError(data, await values(`logits.${type}`))).toBeLessThan(1e-4)

          const prompt = await values('text.prompt_ids')
          expect(model.encode(fixture.prompt_text)).toEqual(prompt)
          const suffix = type === 'f32' ? '' : `.${type}`
          const want = await values(`text.greedy${suffix}`)
          const margins = await values(`text.margin${suffix}`)
          const session = model.session()
          await session.append(fixture.prompt_text)
          const got: number[] = []
          for await (const token of session.generateTokens({
            temperature: 0,
            maxTokens: want.length,
            stopTokens: [],
          }))
            got.push(token)
          const unsure = margins.findIndex((margin) => margin < MARGIN)
          const binding = unsure < 0 ? want.length : unsure
          expect(got.slice(0, binding)).toEqual(want.slice(0, binding))
          if (type === 'f32' && binding === want.length)
            expect(model.tokenizer!.decode(got)).toBe(fixture.greedy_text)
          session.dispose()
          model.dispose()
        })
      }
    }
  },
  ['reference', 'wasm', 'webgpu'],
)
