import { describe, expect, test } from 'vitest'
import {
  joinParts,
  PICKLE,
  pickleTensor,
  pytorchFile,
  zipParts,
} from '../../../test/suites/pytorch-writer.ts'
import { CheckpointError } from '../../errors.ts'
import type { FileSource } from '../source.ts'
import { readPytorch } from './index.ts'

const data = new Uint8Array(new Float32Array(6).map((_, i) => i).buffer)
const good = pytorchFile([
  ['w', { dtype: 'F32', shape: [2, 3], data }],
  ['v', { dtype: 'F32', shape: [6], data }],
])

const LOCAL = 0x04034b50
const ENTRY = 0x02014b50
const END = 0x06054b50

/** Where the `n`th record of a kind begins. */
function find(bytes: Uint8Array, kind: number, n = 0): number {
  const view = new DataView(bytes.buffer)
  for (let at = 0; at + 4 <= bytes.length; at++) {
    if (view.getUint32(at, true) === kind && n-- === 0) return at
  }
  throw new Error('the test looks for a record that is not there')
}

/** The file with another number of 16 or 32 bits at `field` of a record. */
function patched(
  kind: number,
  n: number,
  field: number,
  value: number,
  bits: 16 | 32 = 16,
): Uint8Array<ArrayBuffer> {
  const bytes = good.slice()
  const view = new DataView(bytes.buffer)
  const at = find(bytes, kind, n) + field
  if (bits === 16) view.setUint16(at, value, true)
  else view.setUint32(at, value, true)
  return bytes
}

async function refusal(file: Uint8Array | FileSource): Promise<string> {
  const error = await readPytorch(file, 'f').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(CheckpointError)
  return (error as Error).message
}

// Records: 0 data.pkl, 1 byteorder, 2 data/0, 3 data/1, 4 version.
describe('archives that torch.save does not write', () => {
  test('this one it does', async () => {
    expect([...(await readPytorch(good)).keys()]).toEqual(['w', 'v'])
  })

  test.each([
    ['compressed', patched(ENTRY, 2, 10, 8), 'zip record archive/data/0] the record is compressed'],
    ['encrypted', patched(ENTRY, 2, 8, 1), 'zip record archive/data/0] the record is encrypted'],
    ['in another file', patched(ENTRY, 2, 34, 1), 'zip record archive/data/0] the record is in another file'],
    ['of two sizes', patched(ENTRY, 2, 20, 23, 32), 'two sizes; expected 24, found 23'],
    ['too long', patched(ENTRY, 0, 24, 0x7fffffff, 32), 'two sizes'],
    ['without its 64-bit offset', patched(ENTRY, 2, 42, 0xffffffff, 32), 'a 64-bit size is missing'],
    ['behind the directory', patched(ENTRY, 4, 42, 0x7fffffff, 32), 'past the start of the directory'],
    ['inside another', patched(ENTRY, 3, 42, find(good, LOCAL, 2) + 8, 32), 'overlaps what follows it'],
    ['at the place of another', patched(ENTRY, 3, 42, find(good, LOCAL, 2), 32), 'overlaps what follows it'],
    ['elsewhere', patched(ENTRY, 2, 42, find(good, LOCAL, 2) + 1, 32), 'does not begin with the header'],
    ['compressed, by its own header', patched(LOCAL, 2, 8, 8), 'does not begin with the header'],
    ['encrypted, by its own header', patched(LOCAL, 2, 6, 1), 'does not begin with the header'],
    ['of another size, by its own header', patched(LOCAL, 2, 18, 25, 32), 'does not begin with the header'],
    ['of another name, by its own header', patched(LOCAL, 2, 30, 0x4141), 'does not begin with the header'],
    ['that reaches into the next', patched(LOCAL, 2, 28, 0xffff), 'overlaps what follows it'],
    ['with a name past the directory', patched(ENTRY, 4, 28, 0xffff), 'past the end of the directory'],
    ['that is none', patched(ENTRY, 1, 0, 0), 'bad entry in the directory'],
    ['whose name is not UTF-8', patched(ENTRY, 2, 46, 0xffff), 'the name of a record is not UTF-8'],
    ['missing, by the end record', patched(END, 0, 8, 4), 'spread over several files'],
    ['on another disk', patched(END, 0, 4, 1), 'spread over several files'],
    ['before a directory elsewhere', patched(END, 0, 16, 4, 32), 'does not end where its end record begins'],
    [
      'before a directory of another length',
      patched(END, 0, 12, 4, 32),
      'does not end where its end record begins',
    ],
    ['before an end with a comment that is cut off', patched(END, 0, 20, 1), 'no end record'],
  ])('a record %s', async (_, bytes, message) => {
    expect(await refusal(bytes)).toContain(message)
  })

  test('fewer records than the end record says', async () => {
    const bytes = patched(END, 0, 8, 6)
    new DataView(bytes.buffer).setUint16(find(bytes, END) + 10, 6, true)
    expect(await refusal(bytes)).toMatch(/another number of records.*expected 6, found 5/)
  })

  test('a record twice', async () => {
    const one = ['a/data.pkl', Uint8Array.of(0x4e, 0x2e)] as const
    expect(await refusal(joinParts(zipParts([one, one])))).toContain(
      '[f: zip record a/data.pkl] the record stands twice',
    )
  })

  test.each([
    ['no pickle', ['a/other']],
    ['two pickles', ['a/data.pkl', 'b/data.pkl']],
    ['a pickle without a folder', ['data.pkl']],
  ])('%s', async (_, names) => {
    const records = names.map((name) => [name, Uint8Array.of(0x4e, 0x2e)] as const)
    expect(await refusal(joinParts(zipParts(records)))).toContain('not an archive of torch.save')
  })

  test('big-endian numbers', async () => {
    const records = [
      ['a/data.pkl', Uint8Array.of(0x4e, 0x2e)] as const,
      ['a/byteorder', new TextEncoder().encode('big')] as const,
    ]
    expect(await refusal(joinParts(zipParts(records)))).toContain('expected little, found big')
  })

  test('a tensor whose storage is missing', async () => {
    const { emptyDict, mark, setItems, start, stop, text } = PICKLE
    const tensor = pickleTensor('FloatStorage', '../0', 1, { shape: [1], strides: [1] })
    const pickle = [start, emptyDict, mark, text('w'), tensor, setItems, stop].flat()
    expect(await refusal(joinParts(zipParts([['a/data.pkl', Uint8Array.from(pickle)]])))).toBe(
      '[f: w] the storage is missing; expected storage ../0',
    )
  })
})

test('a huge claim does not read a huge part', async () => {
  const size = 2 ** 40
  const end = good.slice(find(good, END))
  const view = new DataView(end.buffer)
  view.setUint32(12, 2 ** 32 - 2, true)
  const reads: number[] = []
  const source: FileSource = {
    size,
    read(start, stop) {
      reads.push(stop - start)
      const bytes = new Uint8Array(stop - start)
      if (start === 0) bytes.set(good.subarray(0, 4))
      if (stop === size) bytes.set(end, bytes.length - end.length)
      return Promise.resolve(bytes)
    },
  }
  expect(await refusal(source)).toContain('does not end where its end record begins')
  expect(Math.max(...reads)).toBeLessThan(2 ** 17)
})
