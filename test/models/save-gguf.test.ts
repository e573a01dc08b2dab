/** Checkpoints written as GGUF: what is written, and what GGUF has no words for. */
import { describe, expect, test } from 'vitest'
import { readGguf } from '../../src/checkpoints/gguf/index.ts'
import { ConfigError } from '../../src/errors.ts'
import { openCheckpoint, optionalTokenizer } from '../../src/models/files/open.ts'
import { modelConfig, type LayerConfig, type ModelConfig } from '../../src/models/config.ts'
import { folderFiles, ggufFile } from '../../src/models/files/save.ts'
import { halfBits, halfTable } from '../../src/devices/half.ts'
import { sizeOf } from '../../src/tensor/shape.ts'
import { syntheticCheckpoint } from '../suites/synthetic.ts'
import { filesOf, ggufBytes, inGguf, published } from '../suites/model-files.ts'

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
      const beside: number[] = []
      for (let block = 0; block < want.length / 32; block++, blocks++) {
        const d = Math.abs(halfTable()[raw[block * bytes] | (raw[block * bytes + 1] << 8)])
        const some = want.subarray(32 * block, 32 * block + 32)
        const largest = Math.max(...some.map(Math.abs))
        for (let i = 0; i < 32; i++) {
          const at = 32 * block + i
          // Q4_0 has no level for the opposite of the largest value; and d is a half, rounded, times a level.
          const beyond = type === 'Q4_0' ? Math.max(0, Math.abs(want[at]) - 7.5 * d) : 0
          if (!(Math.abs(got[at] - want[at]) <= d / 2 + beyond + largest * 2 ** -10)) beside.push(at)
        }
      }
      expect(beside, key).toEqual([])
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
    const { tokenizer } = await optionalTokenizer(source)
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
