/** Random weights in the exact shapes of the published 130M models, in each layout that they are published in. */
import { expect, test } from 'vitest'
import type { FileLike } from '../../src/checkpoints/source.ts'
import { loadModel } from '../../src/language/load-model.ts'
import type { WeightFormat } from '../../src/models/files/fill.ts'
import { testDevices } from '../devices.ts'
import { onlyIn } from '../left-out.ts'
import { relativeError } from '../suites/compare.ts'
import {
  huggingFaceFiles,
  MAMBA_130M,
  MAMBA2_130M,
  stateSpacesFiles,
  syntheticCheckpoint,
} from '../suites/synthetic.ts'

interface Layout {
  readonly name: string
  readonly parameters: number
  readonly files: () => ReadonlyMap<string, FileLike>
}

/** Each model in its layouts, with so many of its layers. */
function layoutsOf(layers: number): readonly Layout[] {
  const [mamba, mamba2] = [MAMBA_130M, MAMBA2_130M].map((config) =>
    syntheticCheckpoint({ ...config, layers: config.layers.slice(0, layers) }),
  )
  // Embeddings, the last norm, layers.
  const [size, size2] = [38_615_808 + 3_771_648 * layers, 38_621_952 + 3_765_320 * layers]
  return [
    { name: 'mamba-130m-hf', parameters: size, files: () => huggingFaceFiles(mamba) },
    { name: 'mamba-130m', parameters: size, files: () => stateSpacesFiles(mamba) },
    { name: 'mamba2-130m-hf', parameters: size2, files: () => huggingFaceFiles(mamba2) },
    { name: 'mamba2-130m', parameters: size2, files: () => stateSpacesFiles(mamba2) },
  ]
}

const SHALLOW = layoutsOf(2)
const WHOLE = layoutsOf(24)
const PROMPT = [12092, 13, 1533, 2, 50276]

interface Run {
  readonly weights: WeightFormat
  readonly prompt: readonly number[]
  readonly maxTokens: number
}
/** The software adapter is slow: it gets one token. */
const SHORT: Run = { weights: 'q8', prompt: PROMPT.slice(0, 1), maxTokens: 0 }

type Open = () => NonNullable<Parameters<typeof loadModel>[1]>['device'] & object

/** Logits after the prompt, and tokens that follow it. */
async function run(
  open: Open,
  { name, parameters, files }: Layout,
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

testDevices(
  'models in published shapes',
  (device) => {
    const logitsOf = new Map<string, Float32Array>()
    const f32 = async (layout: Layout): Promise<void> => {
      const logits = await run(device, layout, { weights: 'f32', prompt: PROMPT, maxTokens: 3 })
      const key = `${modelOf(layout.name)} ${layout.parameters}`
      if (logitsOf.has(key)) expect(relativeError(logits, logitsOf.get(key)!)).toBe(0)
      logitsOf.set(key, logits)
    }
    test.each(SHALLOW)('$name, 2 layers', f32)
    test.each(WHOLE)('$name, 24 layers', onlyIn('long'), f32)
  },
  ['wasm'],
)

/** What the first device gave, by layout. */
const firstLogits = new Map<Layout, Float32Array>()

testDevices(
  'models in published shapes, q8',
  (device) => {
    const q8 = async (layout: Layout): Promise<void> => {
      const logits = await run(device, layout, SHORT)
      const first = firstLogits.get(layout)
      if (first) expect(relativeError(logits, first)).toBeLessThan(1e-3)
      else firstLogits.set(layout, logits)
    }
    // Of each model one layout, and the other ones if asked for.
    test.each([SHALLOW[0], SHALLOW[3]])('$name, 2 layers', q8)
    test.each([SHALLOW[1], SHALLOW[2]])('$name, 2 layers', onlyIn('gpu'), q8)
    test.each(WHOLE)('$name, 24 layers', onlyIn('long'), q8)
  },
  ['wasm', 'webgpu'],
)
