/** Random weights in the exact shapes of the published 130M models, in each layout that they are published in. */
import { expect, test } from 'vitest'
import type { FileLike } from '../src/checkpoints/source.ts'
import { loadModel } from '../src/generate/load-model.ts'
import type { WeightFormat } from '../src/models/build-model.ts'
import { testDevices } from './devices.ts'
import { relativeError } from './suites/compare.ts'
import {
  huggingFaceFiles,
  MAMBA_130M,
  MAMBA2_130M,
  stateSpacesFiles,
  syntheticCheckpoint,
} from './suites/synthetic.ts'

const mamba = syntheticCheckpoint(MAMBA_130M)
const mamba2 = syntheticCheckpoint(MAMBA2_130M)
const LAYOUTS: readonly {
  readonly name: string
  readonly parameters: number
  readonly files: () => ReadonlyMap<string, FileLike>
}[] = [
  { name: 'mamba-130m-hf', parameters: 129_135_360, files: () => huggingFaceFiles(mamba) },
  { name: 'mamba-130m', parameters: 129_135_360, files: () => stateSpacesFiles(mamba) },
  { name: 'mamba2-130m-hf', parameters: 128_989_632, files: () => huggingFaceFiles(mamba2) },
  { name: 'mamba2-130m', parameters: 128_989_632, files: () => stateSpacesFiles(mamba2) },
]
const PROMPT = [12092, 13, 1533, 2, 50276]

interface Run {
  readonly weights: WeightFormat
  readonly prompt: readonly number[]
  readonly maxTokens: number
}
/** The software adapter takes ten seconds and more for a token: it gets one. */
const SHORT: Run = { weights: 'q8', prompt: PROMPT.slice(0, 1), maxTokens: 0 }

type Open = () => NonNullable<Parameters<typeof loadModel>[1]>['device'] & object

/** Logits after the prompt, and tokens that follow it. */
async function run(
  open: Open,
  { name, parameters, files }: (typeof LAYOUTS)[number],
  { weights, prompt, maxTokens }: Run,
): Promise<Float32Array> {
  const model = await loadModel(files(), { device: open(), weights })
  expect(model.size, name).toBe(parameters)
  const session = model.session()
  await session.append(prompt)
  const logits = await session.logits()
  const tokens: number[] = []
  for await (const token of session.generateTokens({ temperature: 0, maxTokens })) tokens.push(token)
  expect(tokens).toHaveLength(maxTokens)
  session.dispose()
  model.dispose()
  expect(logits.every(Number.isFinite)).toBe(true)
  expect(new Set(logits).size).toBeGreaterThan(40_000)
  return logits
}

/** Layouts of one model, whose weights are the same, have one name. */
const modelOf = (layout: string): string => layout.replace('-hf', '')
/** What each model gave on wasm in q8. */
const onWasm = new Map<string, Float32Array>()

testDevices(
  'models in published shapes, f32',
  (device) => {
    const seen = new Map<string, Float32Array>()
    test.each(LAYOUTS)('$name', async (layout) => {
      const logits = await run(device, layout, { weights: 'f32', prompt: PROMPT, maxTokens: 3 })
      const model = modelOf(layout.name)
      if (seen.has(model)) expect(relativeError(logits, seen.get(model)!)).toBe(0)
      else onWasm.set(model, await run(device, layout, SHORT))
      seen.set(model, logits)
    })
  },
  ['wasm'],
)

/** A minute and more on the software adapter: of each model one layout, the other one if asked for. */
const onGpu = LAYOUTS.filter((_, i) => process.env['SIDEWINDER_TEST_LONG'] || i === 0 || i === 3)

testDevices(
  'models in published shapes, q8',
  (device) => {
    test.each(onGpu)('$name', async (layout) => {
      const logits = await run(device, layout, SHORT)
      const wasm = onWasm.get(modelOf(layout.name))
      if (wasm) expect(relativeError(logits, wasm)).toBeLessThan(1e-3)
    })
  },
  ['webgpu'],
)
