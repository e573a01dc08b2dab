/** The element types of safetensors files, and how their bytes become the arrays of this library. */
import { CheckpointError } from '../errors.ts'
import { halfTable } from '../devices/half.ts'
import type { Staging } from './source.ts'

interface StoredType {
  readonly bytes: number
  /**
   * Little-endian bytes to values: in the memory of `staging` if it is given, or of `bytes` where that will
   * do.
   */
  decode(bytes: Uint8Array<ArrayBuffer>, where: string, staging?: Staging): Float32Array | Int32Array
}

type View<T> = new (buffer: ArrayBuffer, offset: number, length: number) => T

/** The same memory as elements of another type. */
function as<T>(type: View<T>, bytes: Uint8Array<ArrayBuffer>, width: number): T {
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / width)
}

const floats = (length: number, staging: Staging | undefined): Float32Array<ArrayBuffer> =>
  staging ? staging.floats(length) : new Float32Array(length)

function fromHalf(bytes: Uint8Array<ArrayBuffer>, _where = '', staging?: Staging): Float32Array {
  const table = halfTable()
  const bits = as(Uint16Array, bytes, 2)
  const values = floats(bits.length, staging)
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]]!
  return values
}

/** bfloat16 is the upper half of a float32. */
function fromBrain(bytes: Uint8Array<ArrayBuffer>, _where = '', staging?: Staging): Float32Array {
  const bits = as(Uint16Array, bytes, 2)
  const values = floats(bits.length, staging)
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length)
  for (let i = 0; i < bits.length; i++) words[i] = bits[i] << 16
  return values
}

/** Low words of 64-bit integers, whose high words must say that nothing is lost. */
function fromLong(bytes: Uint8Array<ArrayBuffer>, where: string, signed: boolean): Int32Array {
  const words = as(Int32Array, bytes, 4)
  const values = new Int32Array(words.length / 2)
  for (let i = 0; i < values.length; i++) {
    const low = words[2 * i]
    const fits = words[2 * i + 1] === (signed ? low >> 31 : 0) && (signed || low >= 0)
    if (!fits) refuseRange(where, i)
    values[i] = low
  }
  return values
}

function fromUnsigned(bytes: Uint8Array<ArrayBuffer>, where: string): Int32Array {
  const values = as(Int32Array, bytes, 4)
  const large = values.findIndex((value) => value < 0)
  if (large >= 0) refuseRange(where, large)
  return values
}

function refuseRange(where: string, index: number): never {
  throw new CheckpointError('an integer does not fit in 32 bits', { where, found: `element ${index}` })
}

/** By name, in the order that the Python library gives them; it writes later ones first. */
export const STORED_TYPES: ReadonlyMap<string, StoredType> = new Map<string, StoredType>([
  ['BOOL', { bytes: 1, decode: (bytes) => Int32Array.from(bytes, (value) => (value === 0 ? 0 : 1)) }],
  ['U8', { bytes: 1, decode: (bytes) => Int32Array.from(bytes) }],
  ['I8', { bytes: 1, decode: (bytes) => Int32Array.from(as(Int8Array, bytes, 1)) }],
  ['I16', { bytes: 2, decode: (bytes) => Int32Array.from(as(Int16Array, bytes, 2)) }],
  ['U16', { bytes: 2, decode: (bytes) => Int32Array.from(as(Uint16Array, bytes, 2)) }],
  ['F16', { bytes: 2, decode: fromHalf }],
  ['BF16', { bytes: 2, decode: fromBrain }],
  ['I32', { bytes: 4, decode: (bytes) => as(Int32Array, bytes, 4) }],
  ['U32', { bytes: 4, decode: fromUnsigned }],
  ['F32', { bytes: 4, decode: (bytes) => as(Float32Array, bytes, 4) }],
  ['F64', { bytes: 8, decode: (bytes) => Float32Array.from(as(Float64Array, bytes, 8)) }],
  ['I64', { bytes: 8, decode: (bytes, where) => fromLong(bytes, where, true) }],
  ['U64', { bytes: 8, decode: (bytes, where) => fromLong(bytes, where, false) }],
])

/** Bits of an element of types that safetensors has and nothing here reads. Files may hold them unused. */
export const UNREAD_BITS: ReadonlyMap<string, number> = new Map([
  ['F4', 4],
  ['F6_E2M3', 6],
  ['F6_E3M2', 6],
  ['F8_E4M3', 8],
  ['F8_E5M2', 8],
  ['F8_E8M0', 8],
  ['F8_E4M3FNUZ', 8],
  ['F8_E5M2FNUZ', 8],
  ['C64', 64],
])
