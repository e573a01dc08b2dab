/** Half-precision numbers (IEEE 754 binary16), by their 16 bits and by their values. */

let table: Float32Array | undefined

/** The value of every half-precision number, by its bits. */
export function halfTable(): Float32Array {
  if (table) return table
  const values = new Float32Array(65536)
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1
    const exponent = (bits >> 10) & 31
    const fraction = bits & 1023
    const magnitude =
      exponent === 0
        ? fraction * 2 ** -24
        : exponent < 31
          ? (1024 + fraction) * 2 ** (exponent - 25)
          : fraction === 0
            ? Number.POSITIVE_INFINITY
            : Number.NaN
    values[bits] = sign * magnitude
  }
  table = values
  return values
}

const float = new Float32Array(1)
const word = new Uint32Array(float.buffer)
/** Added to a float64 and taken away again, this rounds it to the nearest integer, ties to even. */
const ROUNDER = 1.5 * 2 ** 52

/** The bits of the half-precision number nearest to a float32, ties to even; infinity from 65,520 on. */
export function halfBits(value: number): number {
  float[0] = value
  const sign = (word[0] >>> 16) & 0x8000
  const magnitude = word[0] & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  // A subnormal number is an integer times 2^-24.
  if (magnitude < 0x38800000) return sign | (Math.abs(float[0]) * 2 ** 24 + ROUNDER - ROUNDER)
  const rebased = magnitude - 0x38000000
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13)
}

/** Whether the bits are those of an infinity or of NaN. */
export function halfIsWild(bits: number): boolean {
  return (bits & 0x7c00) === 0x7c00
}

/** The bits of the half-precision numbers nearest to float32 values: see `halfBits`. */
export function toHalves(values: Float32Array): Uint16Array {
  const bits = new Uint16Array(values.length)
  for (let i = 0; i < values.length; i++) bits[i] = halfBits(values[i])
  return bits
}

/** The exact values of half-precision numbers, from their bits. */
export function fromHalves(bits: Uint16Array): Float32Array {
  const table = halfTable()
  const values = new Float32Array(bits.length)
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]]
  return values
}

/** The half-precision number nearest to a float64, ties to even, rounded once; infinity from 65,520 on. */
export function roundToHalf(value: number): number {
  float[0] = value
  const exponent = ((word[0] >>> 23) & 255) - 127
  if (exponent > 15) return value * Number.POSITIVE_INFINITY
  // Neighbours are 2^(exponent - 10) apart, and subnormal numbers 2^-24.
  const step = 2 ** (Math.max(exponent, -14) - 10)
  const rounded = (Math.abs(value) / step + ROUNDER - ROUNDER) * step
  const magnitude = rounded < 65536 ? rounded : Number.POSITIVE_INFINITY
  return word[0] >>> 31 === 1 ? -magnitude : magnitude
}
