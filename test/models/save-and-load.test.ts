/**
 * Every architecture, with every head and input, in every format: what is saved gives the same numbers when
 * it is loaded.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { ConfigError } from '../../src/errors.ts'
import { loadModel, loadSequenceModel, type LoadOptions } from '../../src/language/load-model.ts'
import {
  ARCHITECTURE_NAMES,
  modelConfig,
  type ArchitectureName,
  type ModelConfig,
  type ModelOptions,
} from '../../src/models/config.ts'
import { writeFiles } from '../../src/models/files/folder.ts'
import { liveCheckpoint } from '../../src/models/files/live.ts'
import { openCheckpoint } from '../../src/models/files/open.ts'
import { folderFiles, ggufFile, type Saved, type SaveOptions } from '../../src/models/files/save.ts'
import { Model } from '../../src/models/model.ts'
import { Random } from '../../src/tensor/random.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { relativeError } from '../suites/compare.ts'

type Files = ReadonlyMap<string, Uint8Array>

/** Enough that a hybrid has layers of each kind: Jamba's first layer of attention is the fifth. */
const DEPTH = 5
const MODELS: Readonly<Record<string, readonly ArchitectureName[]>> = {
  ...Object.fromEntries(ARCHITECTURE_NAMES.map((name) => [name, Array.from({ length: DEPTH }, () => name)])),
  'mamba and mamba2': ['mamba', 'mamba2'],
  'one of each': ARCHITECTURE_NAMES,
}

const TOKENS = { vocabulary: 12 }
const FEATURES = { features: 3 }
const HEADS: Readonly<Record<string, Partial<ModelOptions>>> = {
  'a language model': TOKENS,
  'a language model, not tied': { ...TOKENS, tieEmbeddings: false },
  'a language model with MLPs': { ...TOKENS, mlp: 8 },
  ...Object.fromEntries(
    Object.entries({ tokens: TOKENS, features: FEATURES }).flatMap(([name, input]) =>
      (['sequence', 'position'] as const).flatMap((each) => [
        [`a class for each ${each} of ${name}`, { ...input, classes: 3, each }],
        [`numbers for each ${each} of ${name}`, { ...input, outputs: 2, each }],
      ]),
    ),
  ),
}

/** A new model, no parameter of which has values that another one has. */
async function create(config: ModelConfig): Promise<Model> {
  const model = Model.create(config, device, 1)
  const random = new Random(2)
  for (const { tensor: values } of model.parameters.values()) {
    values.write((await values.read()).map((value) => value + random.normal(0, 0.1)))
  }
  return model
}

async function outputOf(model: Model): Promise<ArrayLike<number>> {
  const { input } = model.config
  const x =
    'vocabulary' in input
      ? tensor(model.device, Int32Array.of(3, 1, 11, 0, 7, 5, 2, 2), [2, 4])
      : tensor(
          model.device,
          Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
          [2, 4, input.features],
        )
  const y = scope(() => model.forward(x).y)
  x.dispose()
  const values = await y.read()
  y.dispose()
  return values
}

/** What `write` puts into a map. */
async function filesOf(write: (target: Map<string, Blob>) => Promise<void>): Promise<Files> {
  const target = new Map<string, Blob>()
  await write(target)
  const files = [...target].map(
    async ([name, blob]) => [name, new Uint8Array(await blob.arrayBuffer())] as const,
  )
  return new Map(await Promise.all(files))
}

const savedBy = (model: Model, options?: SaveOptions): Promise<Files> =>
  filesOf((target) => model.save(target, options))

const gguf = (saved: Saved, type: 'F32' | 'F16'): Promise<Files> =>
  filesOf((target) =>
    writeFiles(target, new Map([['model.gguf', ggufFile(saved, { type, onWarning: () => {} })]])),
  )

/** Models that were written as GGUF. */
const inGguf = new Set<string>()

let device: AnyDevice
beforeAll(async () => {
  // One thread: these models are too small to share.
  device = await openDevice('wasm', { threads: 1 })
})
afterAll(() => device.destroy())

const load = async (files: Files, options: LoadOptions = {}): Promise<Model> =>
  loadSequenceModel(files, { device, onWarning: (message) => expect.fail(message), ...options })

describe.each(Object.keys(MODELS))('%s', (name) => {
  test.each(Object.keys(HEADS))('%s', async (head) => {
    const config = modelConfig({ architecture: MODELS[name], width: 8, stateSize: 4, ...HEADS[head] })
    const model = await create(config)
    const want = await outputOf(model)
    const [folder, shards] = [await savedBy(model), await savedBy(model, { shardBytes: 4000 })]
    expect([...folder.keys()].toSorted()).toEqual(['config.json', 'model.safetensors'])
    expect(shards.size).toBeGreaterThan(3)
    for (const files of [folder, shards]) {
      const again = await load(files)
      expect(again.config).toEqual(config)
      expect(await outputOf(again)).toEqual(want)
      again.dispose()
    }

    // What `convert` does with the folder.
    const checkpoint = await openCheckpoint(folder)
    const converted = await filesOf((target) => writeFiles(target, folderFiles(checkpoint)))
    expect([...converted.keys()]).toEqual([...folder.keys()])
    for (const [file, bytes] of folder) expect(Buffer.compare(converted.get(file)!, bytes), file).toBe(0)

    const half = await load(folder, { weights: 'f16' })
    const wantHalf = await outputOf(half)
    const halfFiles = await savedBy(half)
    expect(halfFiles.get('model.safetensors')!.length).toBeLessThan(folder.get('model.safetensors')!.length)
    const halfAgain = await load(halfFiles)
    expect(halfAgain.bytes).toBe(half.bytes)
    expect(await outputOf(halfAgain)).toEqual(wantHalf)

    if (config.head.kind === 'language') (await loadModel(folder, { device })).dispose()
    else await expect(loadModel(folder, { device })).rejects.toThrow(/not a language model/)
    await checkGguf(name, checkpoint, want)
    await checkGguf(name, liveCheckpoint(half), wantHalf)
    for (const each of [model, half, halfAgain]) each.dispose()
  })
})

/**
 * Either GGUF has no words for the model, or it gives the same numbers, but for A, which is there instead of
 * its logarithm.
 */
async function checkGguf(name: string, saved: Saved, want: ArrayLike<number>): Promise<void> {
  const type = [...saved.tensors.values()].some(({ dtype }) => dtype === 'F16') ? 'F16' : 'F32'
  let files: Files
  try {
    files = await gguf(saved, type)
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message).toMatch(/GGUF.*Write safetensors instead/)
    return
  }
  inGguf.add(name)
  const again = await load(files)
  expect(relativeError(await outputOf(again), want)).toBeLessThan(1e-6)
  again.dispose()
}

test('GGUF has words for three of them at least', () => {
  expect([...inGguf]).toEqual(expect.arrayContaining(['mamba', 'mamba2', 'falcon_mamba']))
})
