/**
 * Blocks of 32 weights as GGUF stores them: a half-precision scale d, and integers. Q8_0: d and 32 int8, w =
 * d q. Q4_0: d and 16 bytes, w = d (q - 8); byte j holds element j in its low half and element j + 16 in its
 * high half.
 */
import { CheckpointError } from '../../errors.ts'
import { halfBits, halfIsWild, halfTable } from '../../devices/half.ts'

export const BLOCK = 32

export const PACKED_FORMATS = ['f16', 'q8', 'q4'] as const
/** The formats that weights can be packed in. */
export type PackedFormat = (typeof PACKED_FORMATS)[number]

/** Bytes of a stored block; 32 elements of f16 count as one. */
export const STORED_BYTES: Readonly<Record<PackedFormat, number>> = { f16: 64, q8: 34, q4: 18 }

/** 32 values from `from` on, to the nearest that the format has. */
export function quantise(
  format: 'q8' | 'q4',
  values: Float32Array,
  from: number,
  block: Uint8Array,
  at: number,
): void {
  if (format === 'q8') quantise8(values, from, block, at)
  else quantise4(values, from, block, at)
}

/** d = max |w| / 127, q = w / d rounded half away from zero, with d before it is rounded to 16 bits. */
function quantise8(values: Float32Array, from: number, block: Uint8Array, at: number): void {
  const d = Math.fround(largest(values, from) / 127)
  const inverse = d === 0 ? 0 : Math.fround(1 / d)
  putHalf(d, block, at)
  for (let i = 0; i < BLOCK; i++) {
    const scaled = Math.fround(values[from + i] * inverse)
    block[at + 2 + i] = (scaled < 0 ? scaled - 0.5 : scaled + 0.5) | 0
  }
}

/** d = m / -8 of the first m with the largest magnitude, q = min(15, floor(w / d + 8.5)). */
function quantise4(values: Float32Array, from: number, block: Uint8Array, at: number): void {
  const magnitude = largest(values, from)
  let first = 0
  while (first < BLOCK - 1 && Math.abs(values[from + first]) !== magnitude) first++
  const d = Math.fround((Number.isNaN(magnitude) ? magnitude : values[from + first]) / -8)
  const inverse = d === 0 ? 0 : Math.fround(1 / d)
  putHalf(d, block, at)
  const q = (i: number): number => Math.min(15, (values[from + i] * inverse + 8.5) | 0)
  for (let i = 0; i < 16; i++) block[at + 2 + i] = q(i) | (q(i + 16) << 4)
}

/** The largest magnitude of a block; NaN if there is one. */
function largest(values: Float32Array, from: number): number {
  let most = 0
  for (let i = 0; i < BLOCK; i++) most = Math.max(most, Math.abs(values[from + i]))
  return most
}

/** The 16 bits of a finite number. Throws CheckpointError for values beyond half precision. */
export function weightBits(value: number): number {
  const bits = halfBits(value)
  if (halfIsWild(bits)) {
    throw new CheckpointError('a weight is beyond half precision', {
      expected: 'magnitudes below 65,520',
      found: value,
      hint: "Load with weights: 'f32'",
    })
  }
  return bits
}

/** The 16 bits of a finite number, in `bytes`. */
function putHalf(value: number, bytes: Uint8Array, at: number): void {
  const bits = weightBits(value)
  bytes[at] = bits & 255
  bytes[at + 1] = bits >> 8
}

/** The exact values of a stored block. */
export function dequantise(
  format: 'q8' | 'q4',
  block: Uint8Array,
  at: number,
  values: Float32Array,
  to: number,
): void {
  const d = halfTable()[block[at] | (block[at + 1] << 8)]
  if (format === 'q8') {
    for (let i = 0; i < BLOCK; i++) values[to + i] = d * ((block[at + 2 + i] << 24) >> 24)
    return
  }
  for (let i = 0; i < 16; i++) {
    const pair = block[at + 2 + i]
    values[to + i] = d * ((pair & 15) - 8)
    values[to + i + 16] = d * ((pair >> 4) - 8)
  }
}
