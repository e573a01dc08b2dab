import { describe, expect, test } from 'vitest'
import { CheckpointError, ShapeError } from '../../errors.ts'
import { halfBits, halfTable } from '../../devices/half.ts'
import { Random } from '../../tensor/random.ts'
import {
  packable,
  packRows,
  packStored,
  PACKED_FORMATS,
  panelWords,
  toStored,
  unpackRows,
  type PackedFormat,
} from './format.ts'

const DTYPES = { f16: 'F16', q8: 'Q8_0', q4: 'Q4_0' } as const
const BLOCK_BYTES = { f16: 64, q8: 34, q4: 18 } as const

/** Rows as a checkpoint stores them: all bytes random, but no infinities and NaN. */
function stored(format: PackedFormat, rows: number, columns: number): Uint8Array {
  const random = new Random(rows + columns)
  const finite = (): number => {
    const bits = random.integer(65536)
    return (bits & 0x7c00) === 0x7c00 ? bits & 0x83ff : bits
  }
  if (format === 'f16') return new Uint8Array(Uint16Array.from({ length: rows * columns }, finite).buffer)
  const size = BLOCK_BYTES[format]
  const raw = Uint8Array.from({ length: ((rows * columns) / 32) * size }, () => random.integer(256))
  for (let at = 0; at < raw.length; at += size) {
    const d = finite()
    raw[at] = d & 255
    raw[at + 1] = d >> 8
  }
  return raw
}

describe.each(PACKED_FORMATS)('%s', (format) => {
  const widths = format === 'f16' ? [1, 2, 31, 32, 48] : [32, 96, 160]

  test.each(widths)('stored rows of %i come back bit for bit', (columns) => {
    for (const rows of [1, 7, 8, 33]) {
      const raw = stored(format, rows, columns)
      const words = packStored(DTYPES[format], raw, columns)
      expect(words.length).toBe(Math.ceil(rows / 8) * panelWords(format, columns))
      expect(toStored(format, words, rows, columns)).toEqual(raw)
    }
  })

  test('values that the format has come back exactly', () => {
    const raw = stored(format, 9, 64)
    const words = packStored(DTYPES[format], raw, 64)
    const values = unpackRows(format, words, 9, 64)
    const table = halfTable()
    const bits = (at: number): number => raw[at] | (raw[at + 1] << 8)
    // Row 8, column 40, by the definition of the format.
    const block = (8 * 2 + 1) * BLOCK_BYTES[format]
    const wanted = {
      f16: table[bits(block + 16)],
      q8: table[bits(block)] * ((raw[block + 2 + 8] << 24) >> 24),
      q4: table[bits(block)] * ((raw[block + 2 + 8] & 15) - 8),
    }
    expect(values[8 * 64 + 40]).toBe(wanted[format])
  })

  test('rounding is to the nearest, and panels are filled with zero rows', () => {
    const random = new Random(5)
    const values = Float32Array.from({ length: 9 * 96 }, () => random.normal(0, 0.02))
    const words = packRows(format, values, 96, new Uint32Array(2 * panelWords(format, 96)).fill(-1))
    const found = unpackRows(format, words, 16, 96)
    expect(found.subarray(9 * 96).every((x) => x === 0)).toBe(true)
    for (let from = 0; from < values.length; from += 32) {
      const block = values.subarray(from, from + 32)
      const most = Math.max(...block.map(Math.abs))
      // Half a step of the largest; q4 has no +8: up to a whole step there. d itself is rounded to 11 bits.
      const limit = most * { f16: 2 ** -11, q8: 0.5 / 127 + 2 ** -11, q4: 1 / 8 + 2 ** -11 }[format]
      for (let i = 0; i < 32; i++) expect(Math.abs(found[from + i] - block[i])).toBeLessThanOrEqual(limit)
    }
  })

  test('what is not finite, or too large for a half, is refused', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1e7]) {
      const values = new Float32Array(64)
      values[40] = value
      expect(() => packRows(format, values, 64)).toThrow(CheckpointError)
    }
    const raw = new Uint8Array(2 * BLOCK_BYTES[format])
    raw[BLOCK_BYTES[format] + 1] = 0x7c
    expect(() => packStored(DTYPES[format], raw, 64)).toThrow(CheckpointError)
  })

  test('rows that do not fit are refused', () => {
    expect(packable(format, 64)).toBe(true)
    expect(packable(format, 33)).toBe(format === 'f16')
    expect(packable(format, 0)).toBe(false)
    expect(() => packRows(format, new Float32Array(65), 32)).toThrow(ShapeError)
    expect(() => packStored(DTYPES[format], new Uint8Array(BLOCK_BYTES[format] + 1), 32)).toThrow(ShapeError)
    expect(() => packRows(format, new Float32Array(64), 32, new Uint32Array(7))).toThrow(ShapeError)
    expect(() => unpackRows(format, new Uint32Array(7), 1, 32)).toThrow(ShapeError)
  })
})

test('q8 and q4 take the integers that the reference quantisers of GGUF take', () => {
  // 1 is the largest: q8 rounds halves away from zero, q4 counts steps of -1/8 from 8.
  const values = new Float32Array(32)
  values.set([127, -127, 0.5, -0.5, 1.5, -2.5, 63.49])
  const q8 = toStored('q8', packRows('q8', values, 32), 1, 32)
  expect([...new Int8Array(q8.buffer, 2, 7)]).toEqual([127, -127, 1, -1, 2, -3, 63])
  values.fill(0).set([-8, 8, 7, -7.6, 3.5, -3.5])
  const q4 = toStored('q4', packRows('q4', values, 32), 1, 32)
  expect([...q4.subarray(2, 8)].map((byte) => byte & 15)).toEqual([0, 15, 15, 0, 12, 5])
  values.fill(0)
  expect(toStored('q8', packRows('q8', values, 32), 1, 32)).toEqual(new Uint8Array(34))
  expect([...toStored('q4', packRows('q4', values, 32), 1, 32)]).toEqual([0, 0x80, ...Array(16).fill(0x88)])
})

test('halves convert exactly, and ties go to even', () => {
  const table = halfTable()
  for (let bits = 0; bits < 65536; bits++) {
    const value = table[bits]
    if (Number.isNaN(value)) expect(halfBits(value) & 0x7fff).toBeGreaterThan(0x7c00)
    else if (halfBits(value) !== bits) expect(halfBits(value), `of ${value}`).toBe(bits)
  }
  for (let bits = 0; bits < 0x7bff; bits++) {
    const middle = (table[bits] + table[bits + 1]) / 2
    const even = bits + (bits & 1)
    const spread = (table[bits + 1] - table[bits]) / 64
    if (halfBits(middle) !== even) expect(halfBits(middle), `of ${middle}`).toBe(even)
    if (halfBits(middle - spread) !== bits) expect(halfBits(middle - spread), `below ${middle}`).toBe(bits)
    if (halfBits(-middle - spread) !== bits + 1 + 0x8000) {
      expect(halfBits(-middle - spread), `below ${-middle}`).toBe(bits + 1 + 0x8000)
    }
  }
  expect([65519, 65520, -65520, 2 ** -25, 2 ** -25 * 1.01, 0, -0].map(halfBits)).toEqual([
    0x7bff, 0x7c00, 0xfc00, 0, 1, 0, 0x8000,
  ])
})
