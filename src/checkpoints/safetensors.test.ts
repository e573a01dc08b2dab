import { describe, expect, test } from 'vitest'
import { readTestFile } from '../../test/files.ts'
import { onlyIn } from '../../test/left-out.ts'
import { CheckpointError } from '../errors.ts'
import { writePlainSafetensors, writeSafetensors } from './safetensors-writer.ts'
import { readSafetensors } from './safetensors.ts'
import type { FileSource } from './source.ts'

const FOLDER = 'test/fixtures/edge/safetensors'

interface EdgeCase {
  readonly file: string
  readonly expect: 'ok' | 'error'
  readonly why: string
  readonly mention?: readonly string[]
  readonly tensors?: Readonly<Record<string, readonly number[]>>
}

const parse = async (path: string): Promise<unknown> =>
  JSON.parse(new TextDecoder().decode(await readTestFile(path)))

/** A file with this header and as many zero bytes of data. */
function fileWith(header: unknown, dataLength: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const bytes = new Uint8Array(8 + text.length + dataLength)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true)
  bytes.set(text, 8)
  return bytes
}

describe('files from elsewhere, good and hostile', async () => {
  const cases = (await parse(`${FOLDER}/cases.json`)) as EdgeCase[]
  for (const each of cases) {
    test(`${each.file}: ${each.why}`, async () => {
      const bytes = await readTestFile(`${FOLDER}/${each.file}`)
      if (each.expect === 'ok') {
        const found = await readSafetensors(bytes, each.file)
        expect(new Map([...found].map(([name, { shape }]) => [name, shape]))).toEqual(
          new Map(Object.entries(each.tensors!)),
        )
        for (const stored of found.values()) await stored.read()
        return
      }
      const error = await readSafetensors(bytes, each.file).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(CheckpointError)
      for (const words of each.mention ?? []) expect((error as Error).message).toContain(words)
    })
  }

  test('every dtype gives its value, also unaligned', async () => {
    const found = await readSafetensors(await readTestFile(`${FOLDER}/ok_all_dtypes.safetensors`))
    const values = Object.fromEntries(
      await Promise.all([...found].map(async ([name, stored]) => [name, (await stored.read())[0]])),
    )
    expect(values).toEqual({
      f64: Math.fround(0.1),
      f32: 0.5,
      i32: -7,
      f16: 1.5,
      bf16: -3,
      i16: -300,
      u8: 200,
      i8: -5,
      bool: 1,
    })
  })
})

describe('the header is checked before anything is read by it', () => {
  const good = { dtype: 'F32', shape: [2], data_offsets: [0, 8] }

  test('the same name twice, with the same place', async () => {
    const entry = JSON.stringify(good)
    await expect(readSafetensors(fileWith(`{"a":${entry},"a":${entry}}`, 8), 'f')).rejects.toThrow(
      /\[f\].*key a.*twice/,
    )
  })

  test.each([
    ['text after the header', `${JSON.stringify({ a: good })} x`, 8],
    ['a byte order mark', `\uFEFF${JSON.stringify({ a: good })}`, 8],
    ['a bare NaN', '{"a":NaN}', 0],
    [
      'an overflow that a zero hides',
      { a: { ...good, shape: [2 ** 40, 2 ** 40, 0], data_offsets: [0, 0] } },
      0,
    ],
    ['an axis that is not exact', '{"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,0]}}', 0],
    ['three offsets', { a: { ...good, data_offsets: [0, 8, 8] } }, 8],
    ['a list for a tensor', { a: [] }, 0],
    ['a dtype that is a property of every object', { a: { ...good, dtype: 'constructor' } }, 8],
  ])('%s', async (_, header, length) => {
    await expect(readSafetensors(fileWith(header, length))).rejects.toThrow(CheckpointError)
  })

  test('a huge claim does not read a huge part', async () => {
    const reads: number[] = []
    const source: FileSource = {
      size: 2 ** 40,
      read(start, end) {
        reads.push(end - start)
        return Promise.resolve(new Uint8Array(end - start).fill(0xff))
      },
    }
    await expect(readSafetensors(source)).rejects.toThrow(/impossible header length/)
    expect(reads).toEqual([8])
  })

  test('tensors are read when they are asked for, and only they', async () => {
    const bytes = writeSafetensors(
      new Map([
        ['a', { shape: [3], data: Float32Array.of(1, 2, 3) }],
        ['b', { shape: [1], data: Float32Array.of(4) }],
      ]),
    )
    const reads: number[] = []
    const source: FileSource = {
      size: bytes.length,
      read(start, end) {
        reads.push(end - start)
        return Promise.resolve(bytes.slice(start, end))
      },
    }
    const found = await readSafetensors(source)
    expect(reads).toHaveLength(2)
    expect(await found.get('b')!.read()).toEqual(Float32Array.of(4))
    expect(reads.slice(2)).toEqual([4])
  })
})

/** A header with the byte of ö in Latin-1 for each tilde. */
const latin = (header: string): Uint8Array => fileWith(header, 0).map((byte) => (byte === 0x7e ? 0xf6 : byte))

describe('what a header can ask for is bounded, and what is harmless closes no file', () => {
  test.each<[what: string, header: string, message: RegExp]>([
    ['a tensor that is a list', `{"a":[${'{},'.repeat(1e6)}{}]}`, /f: a\] the header entry is no object/],
    [
      'more axes than a tensor has',
      `{"a":{"dtype":"U8","shape":[${'1,'.repeat(65)}1],"data_offsets":[0,1]}}`,
      /shape/,
    ],
    [
      'a key that stands twice in an entry',
      '{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      /twice/,
    ],
  ])('%s', async (_, header, message) => {
    await expect(readSafetensors(fileWith(header, 0), 'f')).rejects.toThrow(message)
  })

  test('more tensors than any model has', onlyIn('long'), async () => {
    const entry = ':{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    const header = `{${Array.from({ length: 2 ** 19 + 1 }, (_, i) => `"${i}"${entry}`).join()}}`
    await expect(readSafetensors(fileWith(header, 0), 'f')).rejects.toThrow(/more than 524288 tensors/)
  })

  test('fields that nobody knows are passed over, and metadata may be null', async () => {
    const entry = '{"x":[{"y":1}],"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
    const found = await readSafetensors(fileWith(`{"__metadata__":null,"a":${entry}}`, 4))
    expect([...found.keys()]).toEqual(['a'])
    expect(found.metadata).toEqual({})
  })

  test('metadata in Latin-1 are a warning; the name of a tensor is not', async () => {
    const warnings: string[] = []
    const found = await readSafetensors(latin('{"__metadata__":{"author":"J~rg"}}'), 'f', (text) =>
      warnings.push(text),
    )
    expect(found.metadata).toEqual({ author: 'J\uFFFDrg' })
    expect(warnings).toEqual([expect.stringMatching(/\[f\] the header is not UTF-8/)])
    const entry = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}'
    await expect(readSafetensors(latin(`{"~":${entry}}`), 'f', () => {})).rejects.toThrow(
      /name of a tensor is not UTF-8/,
    )
  })

  test('a type that is not read may stand in a file', async () => {
    const header = { a: { dtype: 'F8_E4M3', shape: [3], data_offsets: [0, 3] } }
    const stored = (await readSafetensors(fileWith(header, 3), 'f')).get('a')!
    expect(stored).toMatchObject({ dtype: 'F8_E4M3', bytes: 3, unread: true })
    await expect(stored.read()).rejects.toThrow('[f: a] this type of tensor is not read; found F8_E4M3')
    const short = { a: { dtype: 'F4', shape: [3], data_offsets: [0, 1] } }
    await expect(readSafetensors(fileWith(short, 1))).rejects.toThrow(/do not fit data_offsets/)
  })
})

/** A file with one 64-bit integer, `i`. */
const oneInteger = (dtype: string, value: bigint): Uint8Array => {
  const bytes = fileWith({ i: { dtype, shape: [1], data_offsets: [0, 8] } }, 8)
  new DataView(bytes.buffer).setBigInt64(bytes.length - 8, value, true)
  return bytes
}

describe('64-bit and unsigned integers', () => {
  test.each([0n, 1n, -1n, 2n ** 31n - 1n, -(2n ** 31n)])('%s as I64', async (value) => {
    const found = await readSafetensors(oneInteger('I64', value))
    expect(await found.get('i')!.read()).toEqual(Int32Array.of(Number(value)))
  })

  test.each([
    ['I64', 2n ** 31n],
    ['I64', -(2n ** 31n) - 1n],
    ['I64', 2n ** 32n],
    ['U64', 2n ** 31n],
    ['U64', -1n],
  ])('%s %s does not fit', async (dtype, value) => {
    const found = await readSafetensors(oneInteger(dtype, value), 'file')
    await expect(found.get('i')!.read()).rejects.toThrow(/\[file: i\].*32 bits.*element 0/)
  })
})

test('half precision: every kind of number', async () => {
  const bits = [0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x3c00, 0xc000, 0x7bff, 0x7c00, 0xfc00, 0x7e00]
  const bytes = fileWith(
    { h: { dtype: 'F16', shape: [bits.length], data_offsets: [0, 2 * bits.length] } },
    2 * bits.length,
  )
  const view = new DataView(bytes.buffer, bytes.length - 2 * bits.length)
  for (const [i, each] of bits.entries()) view.setUint16(2 * i, each, true)
  const values = await (await readSafetensors(bytes)).get('h')!.read()
  const tiny = 2 ** -24
  expect([...values]).toEqual([
    0,
    -0,
    tiny,
    1023 * tiny,
    2 ** -14,
    1,
    -2,
    65504,
    Infinity,
    -Infinity,
    Number.NaN,
  ])
})

describe('writing', () => {
  const tensors = new Map([
    ['z.ids', { shape: [2, 2], data: Int32Array.of(1, -2, 3, -4) }],
    ['b', { shape: [], data: Float32Array.of(0.5) }],
    ['a', { shape: [0, 4], data: new Float32Array(0) }],
    ['größe', { shape: [1], data: Float32Array.of(Number.NaN) }],
  ])

  test('what is written is read back, with its metadata', async () => {
    const bytes = writeSafetensors(tensors, { format: 'pt', epoch: '3' })
    const found = await readSafetensors(new Blob([bytes]))
    expect(found.metadata).toEqual({ format: 'pt', epoch: '3' })
    for (const [name, { shape, data }] of tensors) {
      expect(found.get(name)!.shape).toEqual(shape)
      expect(await found.get(name)!.read()).toEqual(data)
    }
  })

  test('floats before integers, then by name; the order given does not matter', async () => {
    const bytes = writeSafetensors(tensors, { b: '1', a: '2' })
    expect(bytes).toEqual(writeSafetensors(new Map([...tensors].toReversed()), { a: '2', b: '1' }))
    expect([...(await readSafetensors(bytes)).keys()]).toEqual(['a', 'b', 'größe', 'z.ids'])
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0)
  })

  test('without checksums, the bytes are those of the Python library', async () => {
    const path = 'test/fixtures/checkpoints/mamba-a/model.safetensors'
    const original = await readTestFile(path)
    const found = await readSafetensors(original, path)
    const copies = await Promise.all(
      [...found].map(
        async ([name, stored]) => [name, { shape: stored.shape, data: await stored.read() }] as const,
      ),
    )
    expect(writePlainSafetensors(new Map(copies), found.metadata)).toEqual(original)
  })

  test('values that do not fill the shape, and the reserved name, are refused', () => {
    const data = Float32Array.of(1)
    expect(() => writeSafetensors(new Map([['w', { shape: [2], data }]]))).toThrow(/\[w\].*\[2\]/)
    expect(() => writeSafetensors(new Map([['__metadata__', { shape: [1], data }]]))).toThrow(CheckpointError)
  })
})
