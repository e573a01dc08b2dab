/** Values as GGUF files store them, rounded as ggml's reference does. */
import { NumericsError, ShapeError } from '../../errors.ts'
import { halfBits } from '../../devices/half.ts'
import { TENSOR_TYPES_BY_NAME } from './types.ts'

/** The types that can be written from values. */
export type EncodedDType = 'F32' | 'F16' | 'BF16' | 'Q8_0' | 'Q4_0'

const ENCODERS: Readonly<
  Record<EncodedDType, (values: Float32Array, where: string) => Uint8Array<ArrayBuffer>>
> = {
  F32: (values) => new Uint8Array(values.slice().buffer),
  F16: encodeHalves,
  BF16: encodeBrains,
  Q8_0: (values, where) => encodeBlocks('Q8_0', values, where, encodeQ8_0),
  Q4_0: (values, where) => encodeBlocks('Q4_0', values, where, encodeQ4_0),
}

/**
 * The bytes of `values` as `dtype`; for quantised types, rows of whole blocks. `where` is what errors name.
 *
 * @throws ShapeError if `values` are no whole blocks
 * @throws NumericsError if a value is too large for the type, or is NaN or infinite and the type has none
 */
export function encodeRows(
  dtype: EncodedDType,
  values: Float32Array,
  where: string = dtype,
): Uint8Array<ArrayBuffer> {
  return ENCODERS[dtype](values, where)
}

function encodeHalves(values: Float32Array, where: string): Uint8Array<ArrayBuffer> {
  const bits = new Uint16Array(values.length)
  for (let i = 0; i < bits.length; i++) bits[i] = finiteHalf(values[i], values[i], where)
  return new Uint8Array(bits.buffer)
}

/**
 * The bits of `value` as a half, unless it is finite and the half would not be: `source` is the value to
 * name.
 */
function finiteHalf(value: number, source: number, where: string): number {
  const bits = halfBits(value)
  if ((bits & 0x7fff) === 0x7c00 && Number.isFinite(value)) refuseLarge(source, where)
  return bits
}

/** The upper half of a float32, rounded to nearest, to even at a tie. */
function encodeBrains(values: Float32Array, where: string): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(values.slice().buffer)
  const bits = new Uint16Array(words.length)
  for (let i = 0; i < bits.length; i++) {
    const upper = words[i] >>> 16
    // A NaN stays one: its upper half must not become infinity.
    bits[i] = Number.isNaN(values[i]) ? upper | 0x40 : (words[i] + 0x7fff + (upper & 1)) >>> 16
    if ((bits[i] & 0x7fff) === 0x7f80 && Number.isFinite(values[i])) refuseLarge(values[i], where)
  }
  return new Uint8Array(bits.buffer)
}

/** Encodes the 32 values from `from` on into the block that begins at `bytes[at]`; gives its scale d. */
type EncodeBlock = (values: Float32Array, from: number, bytes: Uint8Array, at: number) => number

function encodeBlocks(
  dtype: 'Q8_0' | 'Q4_0',
  values: Float32Array,
  where: string,
  encode: EncodeBlock,
): Uint8Array<ArrayBuffer> {
  const type = TENSOR_TYPES_BY_NAME.get(dtype)!
  if (values.length % type.block !== 0) {
    throw new ShapeError(`rows of ${dtype} are stored in whole blocks`, {
      where,
      expected: `a multiple of ${type.block}`,
      found: values.length,
    })
  }
  const bad = values.findIndex((value) => !Number.isFinite(value))
  if (bad >= 0) {
    throw new NumericsError(`${dtype} has only finite numbers`, { where, found: `${values[bad]} at ${bad}` })
  }
  const bytes = new Uint8Array((values.length / type.block) * type.bytes)
  for (let from = 0, at = 0; from < values.length; from += type.block, at += type.bytes) {
    const d = encode(values, from, bytes, at)
    const bits = finiteHalf(d, values[from + indexOfLargest(values, from)], where)
    bytes[at] = bits & 255
    bytes[at + 1] = bits >> 8
  }
  return bytes
}

/**
 * Index of the value of largest magnitude among the 32 from `from` on; the first one if there are several.
 */
function indexOfLargest(values: Float32Array, from: number): number {
  let largest = 0
  for (let i = 1; i < 32; i++) {
    if (Math.abs(values[from + i]) > Math.abs(values[from + largest])) largest = i
  }
  return largest
}

/** 1 / d; 0 where that is not finite, since d, as a half, is 0 there too. */
function inverse(d: number): number {
  const id = Math.fround(1 / d)
  return Number.isFinite(id) ? id : 0
}

/** d = max |x| / 127, q = x / d, rounded to nearest, away from zero at a tie. */
function encodeQ8_0(values: Float32Array, from: number, bytes: Uint8Array, at: number): number {
  const d = Math.fround(Math.abs(values[from + indexOfLargest(values, from)]) / 127)
  const id = inverse(d)
  for (let i = 0; i < 32; i++) {
    const scaled = Math.fround(values[from + i] * id)
    bytes[at + 2 + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5)
  }
  return d
}

/**
 * d = x / -8 of the x of largest magnitude, which becomes q = 0; others are x / d + 8, rounded to nearest, at
 * most 15.
 */
function encodeQ4_0(values: Float32Array, from: number, bytes: Uint8Array, at: number): number {
  const d = values[from + indexOfLargest(values, from)] / -8
  const id = inverse(d)
  const q = (i: number): number =>
    Math.min(15, Math.trunc(Math.fround(Math.fround(values[from + i] * id) + 8.5)))
  for (let i = 0; i < 16; i++) bytes[at + 2 + i] = q(i) | (q(i + 16) << 4)
  return d
}

function refuseLarge(value: number, where: string): never {
  throw new NumericsError('a value is too large for the type', { where, found: value })
}
