/**
 * Quantised blocks of 256 numbers (the K types of ggml): sub-blocks of 16 or 32 have scales s and minima t of
 * a few bits each, and d and m (half-precision) scale those: d s q - m t.
 */
import { halfAt, type DecodeBlock } from './blocks.ts'

/** Two bits of number `i`: 32 bytes hold 128 numbers, of which the first 32 have the lowest bits. */
const twoBits = (bytes: Uint8Array, at: number, i: number): number =>
  (bytes[at + ((i >> 7) << 5) + (i & 31)] >> (((i >> 5) & 3) << 1)) & 3

/** One bit of number `i`: 32 bytes hold all 256, of which the first 32 have the lowest bits. */
const oneBit = (bytes: Uint8Array, at: number, i: number): number => (bytes[at + (i & 31)] >> (i >> 5)) & 1

/** [s and t 16, four bits each][q 64][d 2][m 2]: d s q - m t */
export const decodeQ2_K: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at + 80)
  const m = halfAt(bytes, at + 82)
  for (let j = 0; j < 16; j++) {
    const scale = d * (bytes[at + j] & 15)
    const least = m * (bytes[at + j] >> 4)
    for (let i = 16 * j; i < 16 * j + 16; i++) values[to + i] = scale * twoBits(bytes, at + 16, i) - least
  }
}

/** [third bits 32][q 64][s 12][d 2]: d (s - 32) (q - 4) */
export const decodeQ3_K: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at + 108)
  for (let j = 0; j < 16; j++) {
    const low = (bytes[at + 96 + (j & 7)] >> (j < 8 ? 0 : 4)) & 15
    const high = (bytes[at + 104 + (j & 3)] >> ((j >> 2) << 1)) & 3
    const scale = d * ((low | (high << 4)) - 32)
    for (let i = 16 * j; i < 16 * j + 16; i++) {
      values[to + i] = scale * ((twoBits(bytes, at + 32, i) | (oneBit(bytes, at, i) << 2)) - 4)
    }
  }
}

/** Scale (`second` = 0) or minimum (4) `j` of eight, six bits each in 12 bytes. */
function sixBits(bytes: Uint8Array, at: number, j: number, second: 0 | 4): number {
  if (j < 4) return bytes[at + second + j] & 63
  return ((bytes[at + 4 + j] >> second) & 15) | ((bytes[at + second + j - 4] >> 6) << 4)
}

/** [d 2][m 2][s and t 12][q 128]: d s q - m t */
export const decodeQ4_K: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  const m = halfAt(bytes, at + 2)
  for (let j = 0; j < 8; j++) {
    const scale = d * sixBits(bytes, at + 4, j, 0)
    const least = m * sixBits(bytes, at + 4, j, 4)
    const q = at + 16 + ((j >> 1) << 5)
    const shift = (j & 1) << 2
    for (let i = 0; i < 32; i++) values[to + 32 * j + i] = scale * ((bytes[q + i] >> shift) & 15) - least
  }
}

/** [d 2][m 2][s and t 12][fifth bits 32][q 128]: d s q - m t */
export const decodeQ5_K: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  const m = halfAt(bytes, at + 2)
  for (let j = 0; j < 8; j++) {
    const scale = d * sixBits(bytes, at + 4, j, 0)
    const least = m * sixBits(bytes, at + 4, j, 4)
    const q = at + 48 + ((j >> 1) << 5)
    const shift = (j & 1) << 2
    for (let i = 0; i < 32; i++) {
      const low = (bytes[q + i] >> shift) & 15
      values[to + 32 * j + i] = scale * (low | (((bytes[at + 16 + i] >> j) & 1) << 4)) - least
    }
  }
}

/** [q 128][fifth and sixth bits 64][s 16, signed][d 2]: d s (q - 32) */
export const decodeQ6_K: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at + 208)
  for (let j = 0; j < 16; j++) {
    const scale = d * ((bytes[at + 192 + j] << 24) >> 24)
    for (let i = 16 * j; i < 16 * j + 16; i++) {
      const low = (bytes[at + ((i >> 7) << 6) + (i & 63)] >> (((i >> 6) & 1) << 2)) & 15
      values[to + i] = scale * ((low | (twoBits(bytes, at + 128, i) << 4)) - 32)
    }
  }
}
