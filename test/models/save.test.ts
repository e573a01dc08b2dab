/**
 * What is written is what was read: safetensors and GGUF, out of files and of models on devices, to the last
 * bit.
 */
import { expect, test } from 'vitest'
import type { StoredTensor } from '../../src/checkpoints/stored.ts'
import { readGguf } from '../../src/checkpoints/gguf/index.ts'
import type { AnyDevice } from '../../src/devices/device.ts'
import { CheckpointError } from '../../src/errors.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { openCheckpoint, optionalTokenizer, type Checkpoint } from '../../src/models/files/open.ts'
import { modelConfig, type LayerConfig, type ModelConfig } from '../../src/models/config.ts'
import { liveCheckpoint } from '../../src/models/files/live.ts'
import { type GgufOptions } from '../../src/models/files/save.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { inNode, testDevices } from '../devices.ts'
import { MODELS } from '../suites/models.ts'
import { openModel } from '../suites/session-models.ts'
import { ggufBytes, inGguf, published, type Files } from '../suites/model-files.ts'

async function load(source: Files | Map<string, Blob>, device: AnyDevice): Promise<LanguageModel> {
  return loadModel(source, { device, onWarning: (message) => expect.fail(message) })
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

    test('a bit that flipped in what was saved is seen: safetensors, shards and GGUF', async () => {
      const source = await published('mamba2-g1')
      const model = await load(source, device())
      const [whole, sharded] = [new Map<string, Blob>(), new Map<string, Blob>()]
      await model.save(whole)
      await model.save(sharded, { shardBytes: 30_000 })
      const gguf = new Map([['m.gguf', new Blob([await ggufBytes(liveCheckpoint(model), { type: 'F32' })])]])
      for (const files of [whole, sharded, gguf]) {
        for (const name of [...files.keys()].filter((each) => /safetensors$|gguf$/.test(each))) {
          const good = new Uint8Array(await files.get(name)!.arrayBuffer())
          for (const at of [good.length >> 1, good.length - 4]) {
            const bad = new Map(files).set(name, new Blob([good.with(at, good[at] ^ 4)]))
            const loading = load(bad, device())
            await expect(loading).rejects.toThrow(CheckpointError)
            await expect(loading).rejects.toThrow(new RegExp(`\\[${name}: .*is damaged.*download it again`))
          }
        }
        ;(await load(files, device())).dispose()
      }
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
          const options: GgufOptions = {
            type,
            tokenizer: (await optionalTokenizer(checkpoint)).tokenizer,
            name,
          }
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
