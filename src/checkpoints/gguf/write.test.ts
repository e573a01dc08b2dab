import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../../test/files.ts'
import { ggufBytes, tensorsOfAllTypes, VALUES } from '../../../test/suites/fuzz/gguf.ts'
import { CheckpointError } from '../../errors.ts'
import { sizeOf } from '../../tensor/shape.ts'
import { readGguf, type Gguf } from './read.ts'
import type { GgufDType } from './types.ts'
import type { TypedGgufValue } from './values.ts'
import { sealedGgufParts } from './checksums.ts'
import type { GgufTensorPlan } from './write.ts'

/** The tensors of a file as they are stored, two rows or so at a time. */
function plansOf({ tensors }: Gguf): GgufTensorPlan[] {
  return [...tensors].map(([name, { dtype, shape, raw }]) => ({
    name,
    dtype: dtype as GgufDType,
    shape,
    async *bytes() {
      const size = sizeOf(shape)
      const piece = 2 * (shape.at(-1) ?? 1)
      for (let at = 0; at < size; at += piece) yield raw!(at, Math.min(size, at + piece))
    },
  }))
}

const value = (typed: TypedGgufValue): ReadonlyMap<string, TypedGgufValue> => new Map([['k', typed]])

describe('read and written again, a file has the same bytes', () => {
  const models = ['mamba1', 'mamba2']
    .flatMap((model) => ['f32', 'f16', 'q8_0'].map((type) => `gguf/${model}/model-${type}`))
    .concat('gguf/mamba2-groups/model-f32', 'gguf/falcon-mamba/model-f32', 'edge/gguf/ok_container')

  test.each(models)('%s', async (path) => {
    const original = await readTestFile(`test/fixtures/${path}.gguf`)
    const gguf = await readGguf(original)
    const written = await ggufBytes(gguf.typedMetadata, plansOf(gguf))
    expect(written.length).toBe(original.length)
    expect(written.findIndex((byte, i) => byte !== original[i])).toBe(-1)
  })

  test('with every type, and an alignment of its own', async () => {
    const original = await ggufBytes(VALUES, tensorsOfAllTypes())
    const gguf = await readGguf(original)
    expect(await ggufBytes(gguf.typedMetadata, plansOf(gguf))).toEqual(original)
  })
})

test('pieces are written as they come, each after the one before is done', async () => {
  const events: string[] = []
  const plan: GgufTensorPlan = {
    name: 'w',
    dtype: 'F32',
    shape: [3],
    *bytes() {
      for (const piece of [1, 2, 3]) {
        events.push(`make ${piece}`)
        yield new Uint8Array(4)
      }
    },
  }
  for await (const bytes of sealedGgufParts(new Map(), [plan])) events.push(`wrote ${bytes.length}`)
  expect(events).toEqual([
    'wrote 128',
    'make 1',
    'wrote 4',
    'make 2',
    'wrote 4',
    'make 3',
    'wrote 4',
    'wrote 20',
  ])
})

describe('what does not fit is refused before anything is written', () => {
  const good = { name: 'w', dtype: 'F32', shape: [1], bytes: () => [new Uint8Array(4)] } as const
  const none = new Map<string, TypedGgufValue>()

  test.each<readonly [string, ReadonlyMap<string, TypedGgufValue>, readonly GgufTensorPlan[], RegExp]>([
    ['a number too large for its type', value({ type: 'UINT8', value: 256 }), [], /\[k\].*UINT8.*256/],
    ['a fraction for an integer', value({ type: 'INT64', value: 0.5 }), [], /\[k\].*INT64.*0\.5/],
    ['a number that overflows', value({ type: 'FLOAT32', value: 1e39 }), [], /\[k\].*FLOAT32.*1e\+39/],
    ['one in an array', value({ type: 'ARRAY', of: 'INT8', value: [1, -129] }), [], /\[k\].*INT8.*-129/],
    ['half a character', value({ type: 'STRING', value: 'a\uD83D' }), [], /\[k\].*not Unicode/],
    [
      'an alignment of 24',
      new Map([['general.alignment', { type: 'UINT32', value: 24 }]]),
      [],
      /power of two/,
    ],
    ['the same name twice', none, [good, good], /\[w\].*twice/],
    ['an unknown type', none, [{ ...good, dtype: 'IQ1_S' as GgufDType }], /\[w\].*IQ1_S/],
    ['a ragged row', none, [{ ...good, dtype: 'Q8_0', shape: [2, 33] }], /\[w\].*Q8_0.*32.*\[2, 33\]/],
    ['half an element', none, [{ ...good, shape: [0.5] }], /\[w\].*0\.5/],
    ['nine axes', none, [{ ...good, shape: Array(9).fill(1) }], /\[w\].*at most 8.*9/],
  ])('%s', async (_, metadata, tensors, message) => {
    const first = sealedGgufParts(metadata, tensors).next()
    await expect(first).rejects.toThrow(CheckpointError)
    await expect(first).rejects.toThrow(message)
  })

  test.each([3, 5])('%s bytes for a shape of four', async (length) => {
    const plan = { ...good, bytes: () => [new Uint8Array(length)] }
    await expect(ggufBytes(none, [plan])).rejects.toThrow(
      `[w] the bytes do not fill the shape; expected 4, found ${length}`,
    )
  })
})
