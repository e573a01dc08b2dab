/** What we write is compared with its checksums when it is read: each bit of it counts. */
import { describe, expect, test } from 'vitest'
import { VALUES } from '../../test/suites/fuzz/gguf.ts'
import { CheckpointError } from '../errors.ts'
import { blobOf } from '../models/files/folder.ts'
import { sealedGgufParts } from './gguf/checksums.ts'
import { readGguf, type GgufTensorPlan, type TypedGgufValue } from './gguf/index.ts'
import { writeHeader } from './gguf/write.ts'
import { readSafetensors } from './safetensors.ts'
import { safetensorsParts, writeSafetensors, type TensorToStore } from './safetensors-writer.ts'
import { sourceOf, Staging } from './source.ts'

const VALUES_OF_A = Float32Array.of(1, -2, 0.5, 3)
const TENSORS = new Map<string, TensorToStore>([
  ['a', { shape: [2, 2], data: VALUES_OF_A }],
  ['b', { shape: [3], data: Float32Array.of(7, 8, 9) }],
  ['ids', { shape: [0], data: new Int32Array(0) }],
])
const PLANS = [...TENSORS].map(([name, { shape, data }]) => ({
  name,
  dtype: data instanceof Int32Array ? ('I32' as const) : ('F32' as const),
  shape,
  *bytes() {
    // A piece is used again for the next.
    const piece = new Uint8Array(4)
    for (let at = 0; at < data.byteLength; at += 4) {
      piece.set(new Uint8Array(data.buffer, at, 4))
      yield piece
    }
  },
}))

const bytesOf = async (blob: Blob): Promise<Uint8Array> => new Uint8Array(await blob.arrayBuffer())
const gguf = async (
  metadata: ReadonlyMap<string, TypedGgufValue> = new Map(),
  plans: readonly GgufTensorPlan[] = PLANS,
): Promise<Uint8Array> => bytesOf(await blobOf(sealedGgufParts(metadata, plans)))

/** Bits of a file that were read as good, by their places, if any one of them is flipped. */
async function takenAsGood(
  file: Uint8Array,
  read: (
    bytes: Uint8Array,
    warn: (text: string) => void,
  ) => Promise<ReadonlyMap<string, { read(): unknown }>>,
): Promise<string[]> {
  const good: string[] = []
  for (let bit = 0; bit < 8 * file.length; bit++) {
    const at = bit >> 3
    const bytes = new Uint8Array(file)
    bytes[at] ^= 1 << (bit & 7)
    try {
      for (const tensor of (await read(bytes, () => undefined)).values()) await tensor.read()
      good.push(`bit ${bit & 7} of byte ${at}`)
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error
    }
  }
  return good
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i)
const fail = (message: string): never => expect.fail(message)

describe('safetensors', () => {
  const file = writeSafetensors(TENSORS, { format: 'pt' })

  test('in parts, the file is the same', async () => {
    expect(await bytesOf(await blobOf(safetensorsParts(PLANS, { format: 'pt' })))).toEqual(file)
  })

  test('no bit flips without notice', async () => {
    expect(await takenAsGood(file, (bytes, warn) => readSafetensors(bytes, 'a', warn))).toEqual([])
  })

  test('the error names file and tensor, and says what to do', async () => {
    const bytes = new Uint8Array(file)
    bytes[bytes.length - 1] ^= 1
    const found = await readSafetensors(bytes, 'm.safetensors', fail)
    await expect(found.get('a')!.read()).resolves.toEqual(VALUES_OF_A)
    const reading = found.get('b')!.read()
    await expect(reading).rejects.toThrow(CheckpointError)
    await expect(reading).rejects.toThrow(
      /^\[m\.safetensors: b\] the file is damaged.*CRC-32 [\da-f]{8}.*download it again/s,
    )
  })

  test('the metadata of who reads and writes again are without them', async () => {
    const found = await readSafetensors(file, 'a', fail)
    expect(found.metadata).toEqual({ format: 'pt' })
    expect(writeSafetensors(TENSORS, found.metadata)).toEqual(file)
  })

  // The Python library writes as many spaces as are needed, and the metadata that it is given.
  test('a program that changes tensors and keeps the metadata is believed, with a warning', async () => {
    const end = new TextDecoder().decode(file).lastIndexOf('}') + 1
    const short = 8 + Math.ceil((end - 8) / 8) * 8
    const start = 8 + Number(new DataView(file.buffer).getBigUint64(0, true))
    const other = new Uint8Array([...file.subarray(0, short), ...file.subarray(start)])
    new DataView(other.buffer).setBigUint64(0, BigInt(short - 8), true)
    other[other.length - 1] ^= 1
    const warnings: string[] = []
    const found = await readSafetensors(other, 'a', (text) => warnings.push(text))
    for (const tensor of found.values()) await tensor.read()
    expect(warnings).toEqual([expect.stringMatching(/^\[a\] another program/)])
    expect(found.metadata).toEqual({ format: 'pt' })
  })

  test('a tensor is compared in whatever pieces and order it is read, and read once if in order', async () => {
    const size = 1000
    const bytes = writeSafetensors(new Map([['w', { shape: [size], data: new Float32Array(size).fill(1) }]]))
    const orders = [
      [0, 300, 1000],
      [700, 300, 0],
      [0, 0, 900],
    ].map((starts) =>
      starts.map((start, i) => [start, starts[i + 1] > start ? starts[i + 1] : size] as const),
    )
    for (const damaged of [false, true]) {
      const given = new Uint8Array(bytes)
      if (damaged) given[given.length - 4 * size + 5] ^= 4
      for (const order of orders) {
        let taken = 0
        const source = sourceOf(given)
        const counted = {
          size: source.size,
          read: (start: number, end: number) => ((taken += end - start), source.read(start, end)),
        }
        const tensor = (await readSafetensors(counted, 'a', fail)).get('w')!
        const header = taken
        const reading = (async () => {
          const staging = new Staging()
          for (const [start, end] of order) await tensor.read(start, end, staging)
        })()
        if (damaged) await expect(reading).rejects.toThrow(/\[a: w\] the file is damaged/)
        else await reading
        if (!damaged && order === orders[0]) expect(taken - header).toBe(4 * size)
      }
    }
  })
})

describe('GGUF', () => {
  // Names of several lengths: with some, the header leaves no room before the data, and gets more.
  test.each([1, 12, 20, 28])('no bit flips without notice, with a key of %d letters', async (letters) => {
    const metadata = new Map<string, TypedGgufValue>([['k'.repeat(letters), { type: 'BOOL', value: true }]])
    const file = await gguf(metadata)
    const found = await readGguf(file, 'a', fail)
    expect(await found.tensors.get('a')!.read()).toEqual(VALUES_OF_A)
    expect([...found.metadata.keys()]).toEqual([...metadata.keys()])
    const taken = await takenAsGood(file, async (bytes, warn) => (await readGguf(bytes, 'a', warn)).tensors)
    // What aligns the data of a tensor is not read: 16 bytes after the first, 20 after the second.
    const data = file.length - 64
    const unread = [...range(data + 16, data + 32), ...range(data + 44, data + 64)]
    expect(taken).toEqual(unread.flatMap((at) => range(0, 8).map((bit) => `bit ${bit} of byte ${at}`)))
  })

  test('where the data are aligned to less, there are no checksums', async () => {
    const found = await readGguf(await gguf(VALUES), 'a', fail)
    expect(found.typedMetadata).toEqual(VALUES)
    expect(await found.tensors.get('a')!.read()).toEqual(VALUES_OF_A)
  })

  test('a program that writes other tensors and copies the keys is believed, with a warning', async () => {
    const file = await gguf()
    const { typedMetadata } = await readGguf(file, 'a', fail)
    const stale = { type: 'ARRAY', of: 'UINT32', value: [file.length - 64, 2, 3, 4] } as const
    const { bytes } = writeHeader(new Map([...typedMetadata, ['sidewinder.crc32', stale]]), PLANS)
    const data = file.subarray(file.length - 64)
    const warnings: string[] = []
    const other = await readGguf(new Uint8Array([...bytes, ...data]), 'a', (text) => warnings.push(text))
    for (const tensor of other.tensors.values()) await tensor.read()
    expect(warnings).toEqual([expect.stringMatching(/^\[a\] another program/)])
  })
})
