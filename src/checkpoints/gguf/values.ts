/** Metadata values of GGUF files: thirteen types, of which arrays may hold arrays. */
import type { HeaderCursor } from './cursor.ts'

/** An array of numbers in metadata. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array

/** 64-bit integers are numbers too, and exact: others are refused. Arrays of them are Float64Array. */
export type GgufValue = number | boolean | string | GgufNumbers | readonly GgufValue[]

/** A value with its type in the file. */
export type TypedGgufValue =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: 'BOOL'; readonly value: boolean }
  | { readonly type: 'STRING'; readonly value: string }
  | TypedGgufArray

/** An array in metadata, with the type of its elements. */
export type TypedGgufArray =
  | { readonly type: 'ARRAY'; readonly of: GgufNumberType; readonly value: GgufNumbers | readonly number[] }
  | { readonly type: 'ARRAY'; readonly of: 'BOOL'; readonly value: readonly boolean[] }
  | { readonly type: 'ARRAY'; readonly of: 'STRING'; readonly value: readonly string[] }
  | { readonly type: 'ARRAY'; readonly of: 'ARRAY'; readonly value: readonly TypedGgufArray[] }

/** The types of numbers in metadata, as GGUF calls them. */
export type GgufNumberType =
  | 'UINT8'
  | 'INT8'
  | 'UINT16'
  | 'INT16'
  | 'UINT32'
  | 'INT32'
  | 'FLOAT32'
  | 'UINT64'
  | 'INT64'
  | 'FLOAT64'

export type GgufValueType = GgufNumberType | 'BOOL' | 'STRING' | 'ARRAY'

/** In the order of their numbers in a file, from 0. */
export const VALUE_TYPES: readonly GgufValueType[] = [
  'UINT8',
  'INT8',
  'UINT16',
  'INT16',
  'UINT32',
  'INT32',
  'FLOAT32',
  'BOOL',
  'STRING',
  'ARRAY',
  'UINT64',
  'INT64',
  'FLOAT64',
]

interface NumberFormat {
  readonly bytes: number
  readonly array: new (length: number) => GgufNumbers
  readonly get: (view: DataView, at: number) => number
  readonly set: (view: DataView, at: number, value: number) => void
  /** False for what `set` would change, beyond rounding. */
  readonly fits: (value: number) => boolean
}

const integer =
  (least: number, most: number) =>
  (value: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most

/** Little-endian numbers, as a DataView reads and writes them. */
export const NUMBER_FORMATS: Readonly<Record<GgufNumberType, NumberFormat>> = {
  UINT8: {
    bytes: 1,
    array: Uint8Array,
    get: (view, at) => view.getUint8(at),
    set: (view, at, value) => view.setUint8(at, value),
    fits: integer(0, 255),
  },
  INT8: {
    bytes: 1,
    array: Int8Array,
    get: (view, at) => view.getInt8(at),
    set: (view, at, value) => view.setInt8(at, value),
    fits: integer(-128, 127),
  },
  UINT16: {
    bytes: 2,
    array: Uint16Array,
    get: (view, at) => view.getUint16(at, true),
    set: (view, at, value) => view.setUint16(at, value, true),
    fits: integer(0, 65535),
  },
  INT16: {
    bytes: 2,
    array: Int16Array,
    get: (view, at) => view.getInt16(at, true),
    set: (view, at, value) => view.setInt16(at, value, true),
    fits: integer(-32768, 32767),
  },
  UINT32: {
    bytes: 4,
    array: Uint32Array,
    get: (view, at) => view.getUint32(at, true),
    set: (view, at, value) => view.setUint32(at, value, true),
    fits: integer(0, 2 ** 32 - 1),
  },
  INT32: {
    bytes: 4,
    array: Int32Array,
    get: (view, at) => view.getInt32(at, true),
    set: (view, at, value) => view.setInt32(at, value, true),
    fits: integer(-(2 ** 31), 2 ** 31 - 1),
  },
  FLOAT32: {
    bytes: 4,
    array: Float32Array,
    get: (view, at) => view.getFloat32(at, true),
    set: (view, at, value) => view.setFloat32(at, value, true),
    fits: (value) => Number.isFinite(Math.fround(value)) || !Number.isFinite(value),
  },
  UINT64: {
    bytes: 8,
    array: Float64Array,
    get: (view, at) => Number(view.getBigUint64(at, true)),
    set: (view, at, value) => view.setBigUint64(at, BigInt(value), true),
    fits: integer(0, Number.MAX_SAFE_INTEGER),
  },
  INT64: {
    bytes: 8,
    array: Float64Array,
    get: (view, at) => Number(view.getBigInt64(at, true)),
    set: (view, at, value) => view.setBigInt64(at, BigInt(value), true),
    fits: integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  },
  FLOAT64: {
    bytes: 8,
    array: Float64Array,
    get: (view, at) => view.getFloat64(at, true),
    set: (view, at, value) => view.setFloat64(at, value, true),
    fits: () => true,
  },
}

/** Tokenizers have at most some million tokens and merges. */
const MAX_ELEMENTS = 2 ** 24
/**
 * Arrays in arrays: nothing published has them, and each costs much more memory than its bytes in the file.
 */
const MAX_DEPTH = 8
const MAX_NESTED = 10_000

/** The value without its types. */
export function plainValue(typed: TypedGgufValue): GgufValue {
  return typed.type === 'ARRAY' && typed.of === 'ARRAY' ? typed.value.map(plainValue) : typed.value
}

/** Reads a type and a value of it. `cursor.what` is its key. */
export async function readValue(cursor: HeaderCursor): Promise<TypedGgufValue> {
  const type = await readType(cursor)
  if (type === 'ARRAY') return readArray(cursor, 0, { arrays: 0 })
  if (type === 'STRING') return { type, value: await cursor.textValue() }
  if (type === 'BOOL') {
    await cursor.need(1)
    return { type, value: readBool(cursor) }
  }
  await cursor.need(NUMBER_FORMATS[type].bytes)
  return { type, value: readNumber(cursor, type) }
}

async function readType(cursor: HeaderCursor): Promise<GgufValueType> {
  const id = await cursor.uint32()
  return VALUE_TYPES[id] ?? cursor.refuse('unknown type of value', `0 to ${VALUE_TYPES.length - 1}`, id)
}

async function readArray(
  cursor: HeaderCursor,
  depth: number,
  nested: { arrays: number },
): Promise<TypedGgufArray> {
  const type = 'ARRAY'
  const of = await readType(cursor)
  const bytes = LEAST_BYTES[of] ?? NUMBER_FORMATS[of as GgufNumberType].bytes
  const count = await cursor.count('the number of elements', bytes, MAX_ELEMENTS)
  if (of === 'STRING') return { type, of, value: await cursor.texts(count, 'an element') }
  if (of === 'ARRAY') {
    nested.arrays += count
    if (nested.arrays > MAX_NESTED) cursor.refuse('too many arrays in arrays', `at most ${MAX_NESTED}`)
    if (depth === MAX_DEPTH) cursor.refuse(`arrays are nested deeper than ${MAX_DEPTH}`)
    const value: TypedGgufArray[] = []
    while (value.length < count) value.push(await readArray(cursor, depth + 1, nested))
    return { type, of, value }
  }
  await cursor.need(count * bytes)
  if (of === 'BOOL') return { type, of, value: Array.from({ length: count }, () => readBool(cursor)) }
  const value = new NUMBER_FORMATS[of].array(count)
  for (let i = 0; i < count; i++) value[i] = readNumber(cursor, of)
  return { type, of, value }
}

/** What an element takes at least; numbers take what their format says. */
const LEAST_BYTES: Readonly<Partial<Record<GgufValueType, number>>> = { BOOL: 1, STRING: 8, ARRAY: 12 }

function readBool(cursor: HeaderCursor): boolean {
  const byte = cursor.bytes(1)[0]
  return byte > 1 ? cursor.refuse('a boolean is neither 0 nor 1', undefined, byte) : byte === 1
}

function readNumber(cursor: HeaderCursor, type: GgufNumberType): number {
  const { bytes, get, fits } = NUMBER_FORMATS[type]
  const value = cursor.number(bytes, get)
  return fits(value) ? value : cursor.refuse('a 64-bit integer is not exact as a number', undefined, value)
}
