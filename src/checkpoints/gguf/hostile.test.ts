import { describe, expect, test } from 'vitest'
import { countedFile, ggufTarget, ggufBytes, VALUES } from '../../../test/suites/fuzz/gguf.ts'
import { CheckpointError } from '../../errors.ts'
import type { FileSource } from '../source.ts'
import { readGguf } from './read.ts'
import { VALUE_TYPES, type TypedGgufValue } from './values.ts'

const u32 = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer)
const u64 = (...values: (number | bigint)[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, (value) => BigInt(value)).buffer)
const text = (value: string | Uint8Array): Uint8Array => {
  const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value
  return join(u64(bytes.length), bytes)
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const GGUF = 0x46554747
const [UINT32, BOOL, STRING, ARRAY, UINT64] = (['UINT32', 'BOOL', 'STRING', 'ARRAY', 'UINT64'] as const).map(
  (type) => VALUE_TYPES.indexOf(type),
)

/** A file of version 3 with these counts, then these parts and some zeros. */
const file = (tensors: number, keys: number, ...parts: Uint8Array[]): Uint8Array =>
  join(u32(GGUF, 3), u64(tensors, keys), ...parts, new Uint8Array(256))

/** A file with one key `k` and these bytes after it. */
const withValue = (...parts: Uint8Array[]): Uint8Array => file(0, 1, text('k'), ...parts)

interface Claim {
  name?: string | Uint8Array
  axes?: (number | bigint)[]
  type?: number
  offset?: number | bigint
}

/** The description of a tensor of two float32 values, where nothing else is said. */
const tensor = ({ name = 'w', axes = [2], type = 0, offset = 0 }: Claim = {}): Uint8Array =>
  join(text(name), u32(axes.length), u64(...axes), u32(type), u64(offset))

async function refusal(bytes: Uint8Array | FileSource): Promise<string> {
  const error = await readGguf(bytes, 'f').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CheckpointError)
  return (error as Error).message
}

test('what the others differ from', async () => {
  expect((await readGguf(file(1, 0, tensor()))).tensors.get('w')?.shape).toEqual([2])
  expect((await readGguf(withValue(u32(UINT32, 7)))).metadata.get('k')).toBe(7)
  expect((await readGguf(join(u32(GGUF, 2), u64(0, 0)))).version).toBe(2)
})

describe('metadata', () => {
  const key = join(text('k'), u32(UINT32, 7))
  const nest = (depth: number): Uint8Array[] => Array.from({ length: depth }, () => join(u32(ARRAY), u64(1)))

  test.each([
    ['a key that stands twice', file(0, 2, key, key), /\[f: k\].*twice/],
    ['a type that does not exist', withValue(u32(13)), /\[f: k\].*0 to 12.*13/],
    ['an array of such', withValue(u32(ARRAY, 77), u64(0)), /\[f: k\].*77/],
    ['a boolean of 2', withValue(u32(BOOL, 2)), /\[f: k\].*neither 0 nor 1.*2/],
    ['an integer that is not exact', withValue(u32(UINT64), u64(2n ** 53n)), /\[f: k\].*9007199254740992/],
    ['a key that is not UTF-8', file(0, 1, text(Uint8Array.of(0xc0, 0x80))), /first key\].*not UTF-8/],
    ['a key of 2^62 bytes', file(0, 1, u64(2n ** 62n)), /first key\].*too large.*4611686018427387904/],
    ['a text longer than the file', withValue(u32(STRING), u64(300)), /\[f: k\].*at most 256.*300/],
    ['2^50 numbers', withValue(u32(ARRAY, UINT32), u64(2n ** 50n)), /\[f: k\].*1125899906842624/],
    ['more texts than the file holds', withValue(u32(ARRAY, STRING), u64(33)), /\[f: k\].*at most 32.*33/],
    ['2^60 keys', file(0, 2 ** 60), /\[f\].*metadata keys is too large.*1152921504606846976/],
    ['more keys than there are', join(u32(GGUF, 3), u64(0, 1), new Uint8Array(12)), /\[f\].*at most 0/],
    ['arrays too deep', withValue(u32(ARRAY), ...nest(20), u32(UINT32), u64(0)), /\[f: k\].*deeper than 8/],
    [
      'an alignment of 24',
      file(0, 1, text('general.alignment'), u32(UINT32, 24)),
      /general\.alignment\].*power of two.*24/,
    ],
    ['an alignment of 0', file(0, 1, text('general.alignment'), u32(UINT32, 0)), /power of two/],
    ['an alignment of text', file(0, 1, text('general.alignment'), u32(STRING), text('32')), /found STRING/],
  ])('%s', async (_, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message)
  })

  test('a million arrays in an array, which would take much more memory than the file', async () => {
    const array = join(u32(ARRAY, ARRAY), u64(1e6))
    expect(await refusal(join(withValue(array), new Uint8Array(12e6)))).toMatch(/\[f: k\].*at most 10000/)
  })

  test('text that is not UTF-8 is a warning, and the key is one of the broken', async () => {
    const warnings: string[] = []
    const latin = withValue(u32(STRING), text(Uint8Array.of(0x4a, 0xf6, 0x72, 0x67)))
    const { metadata, broken } = await readGguf(latin, 'f', (warning) => warnings.push(warning))
    expect(metadata.get('k')).toBe('J\uFFFDrg')
    expect([...broken]).toEqual(['k'])
    expect(warnings).toEqual(['[f] texts that are not UTF-8: k'])
  })

  test('names that objects have of themselves are keys like any other', async () => {
    const value: TypedGgufValue = { type: 'BOOL', value: true }
    const { metadata } = await readGguf(await ggufBytes(new Map([['__proto__', value]]), []))
    expect([...metadata]).toEqual([['__proto__', true]])
  })
})

describe('tensors', () => {
  test.each([
    [99, 'type 99'],
    [23, 'IQ4_XS (type 23)'],
  ])('of type %i are not read, and close the file to nobody', async (type, dtype) => {
    const { tensors } = await readGguf(file(1, 0, tensor({ type })), 'f')
    const stored = tensors.get('w')!
    expect(stored).toMatchObject({ dtype, unread: true })
    await expect(stored.read()).rejects.toThrow(`[f: w] this type of tensor is not read; found ${dtype}`)
  })

  test.each([
    ['one that stands twice', file(2, 0, tensor(), tensor({ offset: 32 })), /\[f: w\].*twice/],
    ['nine axes', file(1, 0, tensor({ axes: Array(9).fill(1) })), /\[f: w\].*at most 8.*9/],
    ['an axis of 2^63', file(1, 0, tensor({ axes: [2n ** 63n] })), /\[f: w\].*9223372036854775808/],
    ['too many elements', file(1, 0, tensor({ axes: [2 ** 40, 2 ** 40] })), /\[f: w\].*too large/],
    [
      'too many elements, of which a zero hides',
      file(1, 0, tensor({ axes: [0, 2 ** 40, 2 ** 40] })),
      /too large/,
    ],
    ['a ragged row', file(1, 0, tensor({ type: 12, axes: [128, 2] })), /\[f: w\].*Q4_K.*256.*\[2, 128\]/],
    ['a quantised scalar', file(1, 0, tensor({ type: 8, axes: [] })), /\[f: w\].*multiple of 32/],
    ['an offset between', file(1, 0, tensor({ offset: 16 })), /\[f: w\].*multiple of 32.*16/],
    [
      'an offset of 2^64 - 32',
      file(1, 0, tensor({ offset: 2n ** 64n - 32n })),
      /\[f: w\].*offset.*too large/,
    ],
    ['an offset beyond the file', file(1, 0, tensor({ offset: 4096 })), /\[f: w\].*8 bytes at 4096/],
    ['a name that is not UTF-8', file(1, 0, tensor({ name: Uint8Array.of(0xff) })), /first tensor\].*UTF-8/],
    ['2^60 of them', file(2 ** 60, 0), /\[f\].*number of tensors is too large/],
    [
      'data that overlap',
      file(2, 0, tensor({ name: 'a', axes: [9] }), tensor({ name: 'b', offset: 32 })),
      /\[f: b\] the data overlap those of a; expected an offset of 36 or more, found 32/,
    ],
    [
      'data that others have too',
      file(2, 0, tensor({ name: 'a' }), tensor({ name: 'b' })),
      /\[f: b\].*overlap those of a/,
    ],
  ])('%s', async (_, bytes, message) => {
    expect(await refusal(bytes)).toMatch(message)
  })

  test('a scalar, a tensor of no elements, and one after it at the same place', async () => {
    const bytes = file(
      3,
      0,
      tensor({ name: 'scalar', axes: [], offset: 32 }),
      tensor({ name: 'none', axes: [4, 0] }),
      tensor({ name: 'after' }),
    )
    const { tensors } = await readGguf(bytes)
    expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
      ['scalar', []],
      ['none', [0, 4]],
      ['after', [2]],
    ])
    expect(await tensors.get('none')!.read()).toEqual(new Float32Array(0))
    expect(await tensors.get('scalar')!.read()).toEqual(new Float32Array(1))
  })

  test('the first one whose data are cut off is named, in the order of the data', async () => {
    const parts = ['c', 'b', 'a'].map((name, i) => tensor({ name, axes: [8], offset: 64 - 32 * i }))
    const whole = join(u32(GGUF, 3), u64(3, 0), ...parts)
    const dataStart = Math.ceil(whole.length / 32) * 32
    const cut = join(whole, new Uint8Array(dataStart + 63 - whole.length))
    expect(await refusal(cut)).toMatch(/\[f: b\].*32 bytes at 32 of the data, found 63 bytes/)
  })
})

test('counts are believed only as far as the file goes, and nothing is read by them', async () => {
  const front = withValue(u32(ARRAY, UINT32), u64(2 ** 24 + 1))
  const { source, reads } = countedFile(front, 2 ** 40)
  expect(await refusal(source)).toMatch(/number of elements is too large; expected at most 16777216/)
  expect(reads).toEqual([65536])
})

test('a file cut off anywhere is refused', async () => {
  const data = Uint8Array.from({ length: 68 }, (_, i) => i)
  const whole = await ggufBytes(VALUES, [
    { name: 'a', dtype: 'F32', shape: [1], bytes: () => [data.subarray(0, 4)] },
    { name: 'b', dtype: 'Q8_0', shape: [2, 32], bytes: () => [data] },
  ])
  // The data of b end 4 bytes before the file, which is padded to a multiple of 8.
  for (let length = 0; length < whole.length - 4; length++) {
    const message = await refusal(whole.subarray(0, length))
    if (length >= whole.length - 72) expect(message).toContain('[f: b]')
  }
  for (let length = whole.length - 4; length <= whole.length; length++) {
    await ggufTarget.run(whole.subarray(0, length))
  }
})
