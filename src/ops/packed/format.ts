/**
 * How weight matrices W [N, K] lie in memory in 16, 8 and 4 bits a weight. Rows stand in panels of eight, N
 * padded with zero rows. A word of 32 bits holds neighbouring k of one row, and the words of the eight rows
 * stand side by side:
 *
 * - `f16`: a word is (k, k + 1). A panel is [K / 2][8] words, K padded to even.
 * - `q8`: a word is four int8. A panel is, for each block of 32 k, 8 half-precision scales (4 words) and
 *   [8][8] words.
 * - `q4`: byte i of a word is element i in its low half and element 4 + i in its high half, of 8 k. A panel
 *   is, for each block of 32 k, 8 scales and [4][8] words.
 *
 * Integers and scales are those of GGUF's Q8_0 and Q4_0, bit for bit.
 */
import { CheckpointError, ShapeError } from '../../errors.ts'
import { halfIsWild, halfTable } from '../../devices/half.ts'
import { BLOCK, dequantise, quantise, STORED_BYTES, weightBits, type PackedFormat } from './blocks.ts'

export { PACKED_FORMATS, type PackedFormat } from './blocks.ts'

export const PANEL_ROWS = 8
/** Words before the integers of a block. */
const SCALE_WORDS = 4
/** Words of 8 rows times 32 columns. */
const BLOCK_WORDS: Readonly<Record<PackedFormat, number>> = { f16: 128, q8: 68, q4: 36 }

/** The formats by the names that checkpoints have for what is packed without change. */
const STORED_FORMATS = { F16: 'f16', Q8_0: 'q8', Q4_0: 'q4' } as const
type StoredDType = keyof typeof STORED_FORMATS

/** The format that holds a dtype of checkpoints without change; undefined if there is none. */
export function formatStoredAs(dtype: string): PackedFormat | undefined {
  return Object.hasOwn(STORED_FORMATS, dtype) ? STORED_FORMATS[dtype as StoredDType] : undefined
}

/** The name that checkpoints have for a format. */
export function storedDType(format: PackedFormat): StoredDType {
  const names = Object.keys(STORED_FORMATS) as StoredDType[]
  return names.find((dtype) => STORED_FORMATS[dtype] === format)!
}

/** Whether rows of so many columns can be packed: blocks must be whole. */
export function packable(format: PackedFormat, columns: number): boolean {
  return Number.isSafeInteger(columns) && columns > 0 && (format === 'f16' || columns % BLOCK === 0)
}

/** Words of a panel: eight rows. */
export function panelWords(format: PackedFormat, columns: number): number {
  if (!packable(format, columns)) {
    throw new ShapeError(`rows of ${columns} cannot be packed`, {
      where: format,
      expected: format === 'f16' ? '1 column or more' : `a multiple of ${BLOCK} columns`,
      found: columns,
    })
  }
  return format === 'f16' ? Math.ceil(columns / 2) * PANEL_ROWS : (columns / BLOCK) * BLOCK_WORDS[format]
}

/** Bytes of so many numbers as checkpoints store them. */
export function storedBytes(format: PackedFormat, numbers: number): number {
  return (numbers / BLOCK) * STORED_BYTES[format]
}

/**
 * Whole rows, rounded to the nearest values that the format has, as panels; `into` is overwritten if it is
 * given.
 *
 * @throws CheckpointError if a value or a scale is beyond half precision
 */
export function packRows(
  format: PackedFormat,
  values: Float32Array,
  columns: number,
  into?: Uint32Array,
): Uint32Array {
  const rows = rowsOf(format, values.length, columns)
  const panels = room(format, rows, columns, into)
  if (format === 'f16') {
    for (let row = 0; row < rows; row++) packHalves(values, row, columns, panels)
    return panels
  }
  const stored = new Uint8Array(storedBytes(format, columns))
  const bytes = STORED_BYTES[format]
  for (let row = 0; row < rows; row++) {
    const from = row * columns
    for (let b = 0; b < columns / BLOCK; b++) quantise(format, values, from + b * BLOCK, stored, b * bytes)
    placeRow(format, stored, 0, columns, panels, row)
  }
  return panels
}

/**
 * Whole rows as a checkpoint stores them, as panels: the same integers, the same bits of scales.
 *
 * @throws CheckpointError if a number is not finite
 */
export function packStored(
  dtype: StoredDType,
  raw: Uint8Array,
  columns: number,
  into?: Uint32Array,
): Uint32Array {
  const format = STORED_FORMATS[dtype]
  panelWords(format, columns)
  const bytes = storedBytes(format, columns)
  const rows = rowsOf(format, (raw.length / bytes) * columns, columns)
  const panels = room(format, rows, columns, into)
  for (let row = 0; row < rows; row++) placeRow(format, raw, row * bytes, columns, panels, row)
  return panels
}

/** The bytes that `packStored` takes: its inverse. */
export function toStored(
  format: PackedFormat,
  words: Uint32Array,
  rows: number,
  columns: number,
): Uint8Array {
  expectPanels(format, words, rows, columns)
  const bytes = storedBytes(format, columns)
  const raw = new Uint8Array(rows * bytes)
  for (let row = 0; row < rows; row++) takeRow(format, words, row, columns, raw, row * bytes)
  return raw
}

/** The exact values of `rows` rows. */
export function unpackRows(
  format: PackedFormat,
  words: Uint32Array,
  rows: number,
  columns: number,
  into: Float32Array = new Float32Array(rows * columns),
): Float32Array {
  expectPanels(format, words, rows, columns)
  const table = halfTable()
  const raw = new Uint8Array(storedBytes(format, columns))
  for (let row = 0; row < rows; row++) {
    takeRow(format, words, row, columns, raw, 0)
    const to = row * columns
    if (format === 'f16') {
      for (let k = 0; k < columns; k++) into[to + k] = table[raw[2 * k] | (raw[2 * k + 1] << 8)]
    } else {
      const bytes = STORED_BYTES[format]
      for (let b = 0; b < columns / BLOCK; b++) dequantise(format, raw, b * bytes, into, to + b * BLOCK)
    }
  }
  return into
}

function rowsOf(format: PackedFormat, size: number, columns: number): number {
  panelWords(format, columns)
  if (!Number.isInteger(size / columns)) {
    throw new ShapeError('not whole rows', { where: format, expected: `rows of ${columns}`, found: size })
  }
  return size / columns
}

/** Zeroed panels for so many rows: the beginning of `into`, or new ones. */
function room(
  format: PackedFormat,
  rows: number,
  columns: number,
  into: Uint32Array | undefined,
): Uint32Array {
  const words = Math.ceil(rows / PANEL_ROWS) * panelWords(format, columns)
  if (!into) return new Uint32Array(words)
  if (into.length < words) {
    throw new ShapeError('too little room for panels', { where: format, expected: words, found: into.length })
  }
  return into.subarray(0, words).fill(0)
}

function expectPanels(format: PackedFormat, words: Uint32Array, rows: number, columns: number): void {
  const expected = Math.ceil(rows / PANEL_ROWS) * panelWords(format, columns)
  if (words.length < expected) {
    throw new ShapeError('too few words', { where: format, expected, found: words.length })
  }
}

/** A row of numbers as halves, to its place in the panels: pairs of columns, a word each. */
function packHalves(values: Float32Array, row: number, columns: number, panels: Uint32Array): void {
  const from = row * columns
  let to = Math.floor(row / PANEL_ROWS) * panelWords('f16', columns) + (row % PANEL_ROWS)
  for (let k = 0; k < columns; k += 2, to += PANEL_ROWS) {
    const high = k + 1 < columns ? weightBits(values[from + k + 1]) : 0
    panels[to] = weightBits(values[from + k]) | (high << 16)
  }
}

/** A stored row, from `at` on, to its place in the panels. */
function placeRow(
  format: PackedFormat,
  raw: Uint8Array,
  at: number,
  columns: number,
  panels: Uint32Array,
  row: number,
): void {
  const lane = row % PANEL_ROWS
  let to = Math.floor(row / PANEL_ROWS) * panelWords(format, columns)
  if (format === 'f16') {
    for (let k = 0; k < columns; k += 2, to += PANEL_ROWS) {
      const low = finiteHalf(raw, at + 2 * k)
      panels[to + lane] = low | (k + 1 < columns ? finiteHalf(raw, at + 2 * k + 2) << 16 : 0)
    }
    return
  }
  for (let b = 0; b < columns / BLOCK; b++, at += STORED_BYTES[format], to += BLOCK_WORDS[format]) {
    panels[to + (lane >> 1)] |= finiteHalf(raw, at) << (16 * (lane & 1))
    const first = to + SCALE_WORDS + lane
    if (format === 'q8') {
      for (let g = 0; g < 8; g++) panels[first + PANEL_ROWS * g] = wordAt(raw, at + 2 + 4 * g)
    } else {
      for (let g = 0; g < 2; g++) {
        const [low, high] = [wordAt(raw, at + 2 + 8 * g), wordAt(raw, at + 6 + 8 * g)]
        panels[first + PANEL_ROWS * g] = (low & 0x0f0f0f0f) | ((high & 0x0f0f0f0f) << 4)
        panels[first + PANEL_ROWS * (g + 2)] = ((low >>> 4) & 0x0f0f0f0f) | (high & 0xf0f0f0f0)
      }
    }
  }
}

/** The inverse of `placeRow`. */
function takeRow(
  format: PackedFormat,
  panels: Uint32Array,
  row: number,
  columns: number,
  raw: Uint8Array,
  at: number,
): void {
  const lane = row % PANEL_ROWS
  let from = Math.floor(row / PANEL_ROWS) * panelWords(format, columns)
  if (format === 'f16') {
    for (let k = 0; k < columns; k += 2, from += PANEL_ROWS) {
      const pair = panels[from + lane]
      putBits(pair, raw, at + 2 * k)
      if (k + 1 < columns) putBits(pair >>> 16, raw, at + 2 * k + 2)
    }
    return
  }
  for (let b = 0; b < columns / BLOCK; b++, at += STORED_BYTES[format], from += BLOCK_WORDS[format]) {
    putBits(panels[from + (lane >> 1)] >>> (16 * (lane & 1)), raw, at)
    const first = from + SCALE_WORDS + lane
    if (format === 'q8') {
      for (let g = 0; g < 8; g++) putWord(panels[first + PANEL_ROWS * g], raw, at + 2 + 4 * g)
    } else {
      for (let g = 0; g < 2; g++) {
        const [a, b] = [panels[first + PANEL_ROWS * g], panels[first + PANEL_ROWS * (g + 2)]]
        putWord((a & 0x0f0f0f0f) | ((b & 0x0f0f0f0f) << 4), raw, at + 2 + 8 * g)
        putWord(((a >>> 4) & 0x0f0f0f0f) | (b & 0xf0f0f0f0), raw, at + 6 + 8 * g)
      }
    }
  }
}

function finiteHalf(raw: Uint8Array, at: number): number {
  const bits = raw[at] | (raw[at + 1] << 8)
  if (halfIsWild(bits)) {
    throw new CheckpointError('a stored number is not finite', {
      expected: 'finite',
      found: halfTable()[bits],
    })
  }
  return bits
}

function wordAt(raw: Uint8Array, at: number): number {
  return raw[at] | (raw[at + 1] << 8) | (raw[at + 2] << 16) | (raw[at + 3] << 24)
}

function putBits(bits: number, raw: Uint8Array, at: number): void {
  raw[at] = bits
  raw[at + 1] = bits >>> 8
}

function putWord(word: number, raw: Uint8Array, at: number): void {
  putBits(word, raw, at)
  putBits(word >>> 16, raw, at + 2)
}
