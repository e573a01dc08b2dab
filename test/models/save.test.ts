/**
 * What is written is what was read: safetensors and GGUF, out of files and of models on devices, to the last
 * bit.
 */
import { describe, expect, test } from 'vitest'
import type { FileLike } from '../../src/checkpoints/source.ts'
import type { StoredTensor } from '../../src/checkpoints/stored.ts'
import { readGguf } from '../../src/checkpoints/gguf/index.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { CheckpointError, ConfigError } from '../../src/errors.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { openCheckpoint, tokenizerOf, type Checkpoint } from '../../src/models/files/open.ts'
import { modelConfig, type LayerConfig, type ModelConfig } from '../../src/models/config.ts'
import { liveCheckpoint } from '../../src/models/files/live.ts'
import { folderFiles, ggufFile, type GgufOptions } from '../../src/models/files/save.ts'
import { halfBits, halfTable } from '../../src/devices/half.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { inNode, testDevices } from '../devices.ts'
import { readTestFile } from '../files.ts'
import { MODELS } from '../suites/models.ts'
import { openModel } from '../suites/session-models.ts'
import { syntheticCheckpoint } from '../suites/synthetic.ts'

type Files = Map<string, FileLike>

async function filesOf(folder: string, ...names: string[]): Promise<Files> {
  const files: Files = new Map()
  for (const name of names) files.set(name, await readTestFile(`test/fixtures/${folder}/${name}`))
  return files
}

const published = (name: string): Promise<Files> =>
  filesOf(`checkpoints/${name}`, 'config.json', 'model.safetensors')

const inGguf = (name: string, type = 'f32'): Promise<Files> => filesOf(`gguf/${name}`, `model-${type}.gguf`)

async function load(source: Files | Map<string, Blob>, device: AnyDevice): Promise<LanguageModel> {
  return loadModel(source, { device, onWarning: (message) => expect.fail(message) })
}

async function ggufBytes(...made: Parameters<typeof ggufFile>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: BlobPart[] = []
  for await (const part of ggufFile(...made)) parts.push(part.slice())
  return new Uint8Array(await new Blob(parts).arrayBuffer())
}

const wordsOf = async (stored: StoredTensor): Promise<Int32Array> => {
  const values = await stored.read()
  return new Int32Array(values.slice().buffer)
}

/** Throws unless both have the same tensors, with the same bits. */
async function expectSameTensors(got: Checkpoint, want: Checkpoint): Promise<void> {
  expect([...got.tensors.keys()].toSorted()).toEqual([...want.tensors.keys()].toSorted())
  for (const [name, stored] of want.tensors) {
    const other = got.tensors.get(name)!
    expect([name, other.dtype, other.shape]).toEqual([name, stored.dtype, stored.shape])
    expect(await wordsOf(other), name).toEqual(await wordsOf(stored))
  }
}

const IDS = [3, 17, 29, 8, 41, 5, 60]
const logitsOf = async (model: LanguageModel): Promise<Float32Array> => (await model.logits([IDS])).data

const FOLDERS = Object.keys(MODELS).filter((name) => !MODELS[name].original)
const GGUFS = ['mamba1', 'mamba2', 'mamba2-groups', 'falcon-mamba']

testDevices(
  'saved models',
  (device) => {
    test.each(FOLDERS)('%s as safetensors: the same bits', async (name) => {
      const source = await published(name)
      const model = await load(source, device())
      const saved = new Map<string, Blob>()
      await model.save(saved)
      expect([...saved.keys()].toSorted()).toEqual(['config.json', 'model.safetensors'])
      await expectSameTensors(await openCheckpoint(saved), await openCheckpoint(source))
      const again = await load(saved, device())
      expect(await logitsOf(again)).toEqual(await logitsOf(model))
      // Written again, it is the same file.
      const twice = new Map<string, Blob>()
      await again.save(twice)
      for (const [file, blob] of saved)
        expect(await twice.get(file)!.arrayBuffer()).toEqual(await blob.arrayBuffer())
      for (const each of [model, again]) each.dispose()
    })

    test('what JSON has no words for: a whole number that is no count, and infinity', async () => {
      const limits: readonly (readonly [number, number])[] = [
        [0, 4],
        [1, Number.POSITIVE_INFINITY],
      ]
      const tiny = modelConfig({ ...TINY, architecture: 'mamba2' })
      for (const deltaLimit of limits) {
        for (const mlp of [undefined, 8]) {
          const layers = tiny.layers.map((layer) => ({ ...layer, deltaLimit, ...(mlp && { mlp }) }))
          const model = await openModel(device(), { ...tiny, eps: 1, layers })
          const saved = new Map<string, Blob>()
          await model.save(saved)
          // transformers refuses 1 where it wants 1.0.
          if (!mlp) expect(await saved.get('config.json')!.text()).toContain('"layer_norm_epsilon": 1.0,')
          const again = await openCheckpoint(saved)
          expect(again.config).toMatchObject({ eps: 1, layers: [{ deltaLimit }, { deltaLimit }] })
          model.dispose()
        }
      }
    })

    test('in shards', async () => {
      const source = await published('mamba2-g1')
      const model = await load(source, device())
      const saved = new Map<string, Blob>()
      await model.save(saved, { shardBytes: 30_000 })
      const shards = [...saved.keys()].filter((file) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(file))
      expect(shards.length).toBeGreaterThan(3)
      for (const shard of shards) expect(saved.get(shard)!.size).toBeLessThan(32_000)
      await expectSameTensors(await openCheckpoint(saved), await openCheckpoint(source))
      // One file would be read in place of the shards that another save left.
      await expect(model.save(saved)).rejects.toThrow(/files of another model.*model-00001-of/)
      await expect(model.save(saved)).rejects.toThrow(CheckpointError)
      model.dispose()
    })

    test.each(['hybrid', 'convolved'])('a model that only Sidewinder has words for: %s', async (kind) => {
      const layers = [{ ...ATTENTION, ...(kind === 'convolved' && { kernel: 4 }) }, MAMBA]
      const config: ModelConfig = { ...modelConfig({ ...TINY, architecture: 'mamba' }), layers }
      const model = await openModel(device(), config)
      const saved = new Map<string, Blob>()
      await model.save(saved)
      const again = await load(saved, device())
      expect(again.config).toEqual(config)
      expect(await logitsOf(again)).toEqual(await logitsOf(model))
      for (const each of [model, again]) each.dispose()
    })

    for (const name of GGUFS) {
      test(`${name} as GGUF: out and in, every tensor`, async () => {
        const [file] = (await inGguf(name)).values()
        const model = await load(await inGguf(name), device())
        const made = await ggufBytes(liveCheckpoint(model), { type: 'F32', tokenizer: model.tokenizer })
        const [got, want] = [await readGguf(made), await readGguf(file)]
        expect([...got.tensors.keys()].toSorted()).toEqual([...want.tensors.keys()].toSorted())
        for (const [key, stored] of want.tensors) {
          const other = got.tensors.get(key)!
          expect([key, other.dtype, sizeOf(other.shape)]).toEqual([key, 'F32', sizeOf(stored.shape)])
          expect(await wordsOf(other), key).toEqual(await wordsOf(stored))
        }
        for (const [key, value] of want.metadata) {
          if (/^tokenizer\.|\.ssm\.|epsilon|architecture|_length|_count$/.test(key))
            expect([key, got.metadata.get(key)]).toEqual([key, value])
        }
        model.dispose()
      })

      test.each(['F32', 'F16', 'Q8_0', 'Q4_0'] as const)(
        `${name} as GGUF %s, into a model and out again: the same bytes`,
        async (type) => {
          const checkpoint = await openCheckpoint(await inGguf(name))
          const options: GgufOptions = { type, tokenizer: await tokenizerOf(checkpoint), name }
          const first = await ggufBytes(checkpoint, options)
          const model = await load(new Map([['a.gguf', first]]), device())
          const second = await ggufBytes(liveCheckpoint(model), { ...options, tokenizer: model.tokenizer })
          expect(second).toEqual(first)
          model.dispose()
        },
      )
    }

    test('quantised weights go into a folder as the values that they stand for, f16 as f16', async () => {
      for (const [type, dtype] of [
        ['f16', 'F16'],
        ['q8_0', 'F32'],
      ] as const) {
        const source = await openCheckpoint(await inGguf('mamba2', type))
        const model = await load(await inGguf('mamba2', type), device())
        const saved = new Map<string, Blob>()
        await model.save(saved)
        const { tensors } = await openCheckpoint(saved)
        const name = 'backbone.layers.1.mixer.in_proj.weight'
        expect(tensors.get(name)!.dtype).toBe(dtype)
        expect(await wordsOf(tensors.get(name)!)).toEqual(await wordsOf(source.tensors.get(name)!))
        // The tokenizer is there as well.
        const again = await load(saved, device())
        expect(again.tokenizer!.name).toBe(model.tokenizer!.name)
        expect(again.encode('the sea')).toEqual(model.encode('the sea'))
        for (const each of [model, again]) each.dispose()
      }
    })
  },
  [...inNode('reference'), 'wasm'],
)

const TINY = { layers: 2, width: 32, stateSize: 8, vocabulary: 64 }
const ATTENTION: LayerConfig = { kind: 'attention', heads: 2, kvHeads: 1, ropeTheta: 1e4, mlp: 64 }
const [MAMBA] = modelConfig({ ...TINY, architecture: 'mamba' }).layers
const [MAMBA2] = modelConfig({ ...TINY, architecture: 'mamba2', headDim: 8 }).layers

describe('from files to GGUF', () => {
  test.each(['mamba-a', 'mamba2-g1', 'falcon-mamba'])(
    '%s: A is -exp(A_log), all else as it was',
    async (name) => {
      const source = await openCheckpoint(await published(name))
      const warnings: string[] = []
      const made = await ggufBytes(source, { type: 'F32', onWarning: (text) => warnings.push(text) })
      // Falcon-Mamba has two epsilons.
      expect(warnings).toEqual(
        name === 'falcon-mamba' ? [expect.stringMatching(/one epsilon.* 0\.00001 .*not 0\.02$/)] : [],
      )
      const got = await openCheckpoint(new Map([['a.gguf', made]]))
      expect(got.tensors.size).toBe(source.tensors.size)
      for (const [key, stored] of source.tensors) {
        const values = await stored.read()
        const isLog = key.endsWith('.A_log')
        const want = isLog ? values.map((value) => -Math.exp(value)) : values
        const other = got.tensors.get(isLog ? key.slice(0, -4) : key)!
        expect(new Int32Array((await other.read()).slice().buffer), key).toEqual(
          new Int32Array(want.slice().buffer),
        )
      }
      const eps = Math.fround(source.config.eps)
      expect({ ...got.config, layers: [] }).toEqual({ ...source.config, layers: [], eps })
    },
  )

  test.each(['Q8_0', 'Q4_0'] as const)('%s: each value within half a step of its block', async (type) => {
    const source = await openCheckpoint(await inGguf('mamba2'))
    const made = await openCheckpoint(new Map([['a.gguf', await ggufBytes(source, { type })]]))
    let blocks = 0
    for (const [key, stored] of source.tensors) {
      const other = made.tensors.get(key)!
      if (other.dtype !== type) continue
      const [want, got] = [await stored.read(), await other.read()]
      const raw = await other.raw!(0, sizeOf(other.shape))
      const bytes = raw.length / (want.length / 32)
      for (let block = 0; block < want.length / 32; block++, blocks++) {
        const d = Math.abs(halfTable()[raw[block * bytes] | (raw[block * bytes + 1] << 8)])
        const some = want.subarray(32 * block, 32 * block + 32)
        const largest = Math.max(...some.map(Math.abs))
        for (let i = 0; i < 32; i++) {
          const at = 32 * block + i
          // Q4_0 has no level for the opposite of the largest value; and d is a half, rounded, times a level.
          const beyond = type === 'Q4_0' ? Math.max(0, Math.abs(want[at]) - 7.5 * d) : 0
          expect(Math.abs(got[at] - want[at])).toBeLessThanOrEqual(d / 2 + beyond + largest * 2 ** -10)
        }
      }
    }
    expect(blocks).toBeGreaterThan(500)
  })

  test('F16: the nearest half', async () => {
    const source = await openCheckpoint(await inGguf('mamba1'))
    const made = await openCheckpoint(new Map([['a.gguf', await ggufBytes(source, { type: 'F16' })]]))
    const kinds = new Map<string, number>()
    for (const [key, stored] of source.tensors) {
      const other = made.tensors.get(key)!
      kinds.set(other.dtype, (kinds.get(other.dtype) ?? 0) + 1)
      if (other.dtype !== 'F16') continue
      const nearest = (await stored.read()).map((value) => halfTable()[halfBits(value)])
      expect(await other.read(), key).toEqual(nearest)
    }
    // The embedding and four projections in each of two layers.
    expect([kinds.get('F16'), kinds.get('F32')]).toEqual([9, source.tensors.size - 9])
  })

  test('a tokenizer.json goes along', async () => {
    const folder = 'gguf/mamba1'
    const files = await filesOf(
      folder,
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    )
    const source = await openCheckpoint(files)
    const tokenizer = await tokenizerOf(source)
    const got = await readGguf(await ggufBytes(source, { type: 'F32', tokenizer }))
    const [theirs] = (await inGguf('mamba1')).values()
    const want = await readGguf(theirs)
    for (const [key, value] of want.metadata) {
      if (key.startsWith('tokenizer.')) expect([key, got.metadata.get(key)]).toEqual([key, value])
    }
    const config = JSON.parse(folderFiles(source, { tokenizer }).get('config.json') as string) as object
    expect(config).toMatchObject({
      bos_token_id: 0,
      eos_token_id: 0,
      pad_token_id: null,
      model_type: 'mamba',
    })
  })
})

describe('what GGUF cannot say is refused', () => {
  const tiny = modelConfig({ ...TINY, architecture: 'mamba' })
  const of = (...layers: LayerConfig[]): ModelConfig => ({ ...tiny, layers })
  const mamba2 = { ...MAMBA2, groups: 2 } as LayerConfig & { readonly kind: 'mamba2' }
  test.each<[what: string, config: ModelConfig, message: RegExp]>([
    ['attention', of(ATTENTION), /not written to GGUF; found attention/],
    ['a mix', of(MAMBA, MAMBA2), /layers of a GGUF model are all of one kind/],
    ['attention among others', of(MAMBA2, ATTENTION), /are all of one kind/],
    ['an MLP', of({ ...MAMBA, mlp: 64 }), /no MLP beside such layers; found 64/],
    ['biased projections', of({ ...MAMBA, bias: true } as LayerConfig), /no bias of the projections/],
    [
      'groups that are normalised together',
      of({ ...mamba2, groupedNorm: false }),
      /normalises each group on its own/,
    ],
    ['a limited delta', of({ ...mamba2, groups: 1, deltaLimit: [0.1, 1] }), /does not limit delta/],
    ['a classifier', { ...tiny, head: { kind: 'classifier', classes: 3 } }, /language models only/],
  ])('%s', (_, config, message) => {
    const make = (): unknown => ggufFile(syntheticCheckpoint(config), { type: 'F32' })
    expect(make).toThrow(message)
    expect(make).toThrow(ConfigError)
  })

  test.each([
    ['mamba-b', /bias of the projections/],
    ['mamba2-g3', /bias of the projections/],
    ['mamba2-dtlimit', /does not limit delta/],
    ['jamba-dense', /not written to GGUF; found jamba/],
  ])('%s', async (name, message) => {
    const source = await openCheckpoint(await published(name))
    expect(() => ggufFile(source, { type: 'F32' })).toThrow(message)
  })

  test('a value that is not finite, by the name of its tensor', async () => {
    const source = await openCheckpoint(
      await filesOf('edge/models/nan_weights', 'config.json', 'model.safetensors'),
    )
    await expect(ggufBytes(source, { type: 'F32' })).rejects.toThrow(/backbone.*not a finite number/)
  })
})
