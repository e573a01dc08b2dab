import { describe, expect, test } from 'vitest'
import {
  joinParts,
  PICKLE,
  pickleTensor,
  pytorchFile,
  pytorchParts,
  sourceOfParts,
  zipParts,
  type Filled,
  type Part,
} from '../../../test/suites/pytorch-writer.ts'
import { Random } from '../../tensor/random.ts'
import { showShape, sizeOf } from '../../tensor/shape.ts'
import { Staging, type FileSource } from '../source.ts'
import { WINDOW } from './gather.ts'
import { readPytorch } from './index.ts'

interface Place {
  readonly offset?: number
  readonly shape: readonly number[]
  readonly strides: readonly number[]
}

/** The parts of a file with one tensor, `w`: a view of `length` numbers. */
function partsOf(place: Place, length: number, data: Part, type = 'FloatStorage'): Part[] {
  const { start, emptyDict, mark, text, setItems, stop } = PICKLE
  const opcodes = [start, emptyDict, mark, text('w'), pickleTensor(type, '0', length, place), setItems, stop]
  return zipParts([
    ['a/data.pkl', Uint8Array.from(opcodes.flat())],
    ['a/data/0', data],
  ])
}

const bytesOf = (values: Float32Array | Uint16Array): Uint8Array => new Uint8Array(values.buffer)

/** What a view means, element by element. */
function expectedOf({ offset = 0, shape, strides }: Place): number[] {
  return Array.from({ length: sizeOf(shape) }, (_, flat) => {
    let at = offset
    let rest = flat
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += (rest % shape[axis]) * strides[axis]
      rest = Math.floor(rest / shape[axis])
    }
    return at
  })
}

/** A file that counts what is read of it. */
function counting(source: FileSource): FileSource & { reads: [number, number][] } {
  const reads: [number, number][] = []
  return {
    size: source.size,
    reads,
    read(start, end, staging) {
      reads.push([start, end])
      return source.read(start, end, staging)
    },
  }
}

describe('views of a storage of 0, 1, 2, …', () => {
  const LENGTH = 5000
  const data = bytesOf(new Float32Array(LENGTH).map((_, i) => i))

  test.each<Place>([
    { shape: [], strides: [], offset: 7 },
    { shape: [3, 4], strides: [4, 1] },
    { shape: [1, 3, 1], strides: [99, 1, 5] },
    { shape: [3, 4], strides: [1, 3] },
    { shape: [3, 4], strides: [0, 1], offset: 5 },
    { shape: [3, 4], strides: [1, 0] },
    { shape: [3, 4], strides: [0, 0], offset: LENGTH - 1 },
    { shape: [7], strides: [3], offset: 2 },
    { shape: [4, 3], strides: [1, 1] },
    { shape: [2, 3, 5, 7], strides: [1, 70, 14, 2] },
    { shape: [11, 13, 17], strides: [1, 11 * 17, 11], offset: 1 },
    { shape: [0, 4], strides: [4, 1], offset: 9999 },
    { shape: [4, 0], strides: [1, 4] },
  ])('$shape, strides $strides, offset $offset: all, and any part', async (place) => {
    const source = sourceOfParts(partsOf(place, LENGTH, data))
    const tensor = (await readPytorch(source)).get('w')!
    const want = Float32Array.from(expectedOf(place))
    expect(tensor.shape).toEqual(place.shape)
    expect(await tensor.read()).toEqual(want)
    const random = new Random(3)
    const staging = new Staging()
    for (let i = 0; i < 50; i++) {
      const begin = random.integer(want.length + 1)
      const end = begin + random.integer(want.length - begin + 1)
      const part = i % 2 === 0 ? staging : undefined
      expect(await tensor.read(begin, end, part)).toEqual(want.slice(begin, end))
      if (tensor.raw) expect(await tensor.raw(begin, end, part)).toEqual(bytesOf(want.slice(begin, end)))
    }
  })

  test('elements that lie side by side can be had as they are stored, others not', async () => {
    for (const [strides, has] of [
      [[0, 4, 1], true],
      [[0, 5, 1], false],
      [[0, 1, 3], false],
    ] as const) {
      const parts = partsOf({ shape: [1, 3, 4], strides, offset: 5 }, LENGTH, data)
      expect((await readPytorch(joinParts(parts))).get('w')!.raw !== undefined).toBe(has)
    }
  })

  test('half precision, transposed', async () => {
    const halves = bytesOf(Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600))
    const parts = partsOf({ shape: [2, 3], strides: [1, 2] }, 6, halves, 'HalfStorage')
    expect(await (await readPytorch(joinParts(parts))).get('w')!.read()).toEqual(
      Float32Array.of(1, 3, 5, 2, 4, 6),
    )
  })

  test.each<[string, Place]>([
    ['goes past the end.*at most element 4999, found 5000', { shape: [2], strides: [1], offset: 4999 }],
    ['goes past the end', { shape: [2, 3], strides: [2 ** 52, 2 ** 52] }],
    ['goes past the end', { shape: [1], strides: [1], offset: LENGTH }],
    ['shape is too large', { shape: [2 ** 40, 2 ** 40], strides: [0, 0] }],
    ['shape is too large', { shape: [2 ** 40, 2 ** 40, 0], strides: [0, 0, 0] }],
    ['far more elements', { shape: [2 ** 30], strides: [0] }],
  ])('refused: %s', async (message, place) => {
    await expect(readPytorch(joinParts(partsOf(place, LENGTH, data)), 'f')).rejects.toThrow(
      new RegExp(`^\\[f: w\\].*${message}`),
    )
  })

  test.each([4999, 5001, 2 ** 62])('refused: a storage that should have %i elements', async (length) => {
    await expect(
      readPytorch(joinParts(partsOf({ shape: [2], strides: [1] }, length, data)), 'f'),
    ).rejects.toThrow(
      length > 2 ** 53 ? /without key, location or number/ : /f: w.*another length.*found 20000/,
    )
  })
})

/** Byte i is i times a prime. */
const pattern = (bytes: number): Filled => ({
  bytes,
  fill(offset, into) {
    for (let i = 0; i < into.length; i++) into[i] = (offset + i) * 31
  },
})

describe('large files, which nobody holds', () => {
  test('a storage is not read before a tensor is, and then only its elements', async () => {
    const tensors = ['a', 'b'].map(
      (name) => [name, { dtype: 'F32', shape: [1000, 1000], data: pattern(4e6) }] as const,
    )
    const source = counting(sourceOfParts(pytorchParts(tensors)))
    const found = await readPytorch(source)
    const bytes = source.reads.reduce((sum, [start, end]) => sum + end - start, 0)
    expect(bytes).toBeLessThan(70_000)
    source.reads.length = 0
    await found.get('b')!.read(10, 20)
    expect(source.reads.map(([start, end]) => end - start)).toEqual([40])
  })

  test('a transposed matrix is read in windows, each byte once', async () => {
    const [rows, columns] = [3000, 1501]
    const length = rows * columns
    const place = { shape: [columns, rows], strides: [1, columns] }
    const source = counting(
      sourceOfParts(partsOf(place, length, bytesOf(new Float32Array(length).map((_, i) => i)))),
    )
    const tensor = (await readPytorch(source)).get('w')!
    source.reads.length = 0
    const values = await tensor.read()
    expect([values[0], values[1], values[rows], values[length - 1]]).toEqual([0, columns, 1, length - 1])
    expect(values.every((value, i) => value === (i % rows) * columns + Math.floor(i / rows))).toBe(true)
    expect(Math.max(...source.reads.map(([start, end]) => end - start))).toBe(WINDOW)
    expect(source.reads.reduce((sum, [start, end]) => sum + end - start, 0)).toBe(4 * length)
  })

  test('overlapping elements are read only where one window holds them', async () => {
    const place = { shape: [1000, 2000], strides: [1000, 999] }
    const parts = partsOf(place, 5e6, pattern(2e7))
    await expect(readPytorch(sourceOfParts(parts), 'f')).rejects.toThrow(/f: w.*overlap.*\[1000, 999\]/)
  })

  test.each([
    ['32-bit offsets that are negative as signed numbers', 2 ** 31 + 4],
    ['the last that 32 bits can say', 2 ** 32 - 65],
    ['64-bit offsets', 2 ** 32 + 64],
    ['64-bit sizes', 5 * 2 ** 32],
  ])('%s', async (_, bytes) => {
    const numbers = {
      dtype: 'F16',
      shape: [Math.floor(bytes / 2)],
      data: pattern(bytes - (bytes % 2)),
    } as const
    const small = { dtype: 'F32', shape: [2], data: bytesOf(Float32Array.of(1.5, -2)) } as const
    const source = sourceOfParts(
      pytorchParts([
        ['first', numbers],
        ['second', small],
      ]),
    )
    const found = await readPytorch(source)
    expect(await found.get('second')!.read()).toEqual(Float32Array.of(1.5, -2))
    const last = sizeOf(numbers.shape)
    const want = new Uint8Array(4)
    numbers.data.fill(2 * (last - 2), want)
    expect(await found.get('first')!.raw!(last - 2, last)).toEqual(want)
  })
})

test('what the writer writes is read back, of any type', async () => {
  const random = new Random(1)
  const tensors = (['F32', 'F16', 'BF16', 'I64'] as const).flatMap((dtype) =>
    [[], [0], [5], [2, 3, 4]].map((shape) => {
      const bytes = sizeOf(shape) * { F32: 4, F16: 2, BF16: 2, I64: 8 }[dtype]
      const data = Uint8Array.from({ length: bytes }, () => random.bits())
      return [`${dtype} ${showShape(shape)}`, { dtype, shape, data }] as const
    }),
  )
  const found = await readPytorch(new Blob([pytorchFile(tensors)]))
  expect([...found.keys()]).toEqual(tensors.map(([name]) => name))
  for (const [name, { dtype, shape, data }] of tensors) {
    const tensor = found.get(name)!
    expect(tensor).toMatchObject({ dtype, shape })
    expect(await tensor.raw!(0, sizeOf(shape))).toEqual(data)
  }
})
