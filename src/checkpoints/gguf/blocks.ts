/**
 * Quantised blocks of 32 numbers, byte by byte as ggml lays them out: d is the scale, m what is added (both
 * half-precision), q the stored integers. The low four bits of a byte belong to the first half of a block,
 * the high ones to the second.
 */
import { halfTable } from '../../devices/half.ts'

/** Decodes the block that begins at `bytes[at]` into `values` from `to` on. */
export type DecodeBlock = (bytes: Uint8Array, at: number, values: Float32Array, to: number) => void

/** The half-precision number whose two bytes begin at `at`. */
export const halfAt = (bytes: Uint8Array, at: number): number => halfTable()[bytes[at] | (bytes[at + 1] << 8)]

/** [d 2][q 16]: d (q - 8) */
export const decodeQ4_0: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]
    values[to + i] = d * ((pair & 15) - 8)
    values[to + 16 + i] = d * ((pair >> 4) - 8)
  }
}

/** [d 2][m 2][q 16]: d q + m */
export const decodeQ4_1: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  const m = halfAt(bytes, at + 2)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 4 + i]
    values[to + i] = d * (pair & 15) + m
    values[to + 16 + i] = d * (pair >> 4) + m
  }
}

/** [d 2][fifth bits 4][q 16]: d (q - 16) */
export const decodeQ5_0: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 32; i++) values[to + i] = d * (fiveBits(bytes, at + 2, i) - 16)
}

/** [d 2][m 2][fifth bits 4][q 16]: d q + m */
export const decodeQ5_1: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  const m = halfAt(bytes, at + 2)
  for (let i = 0; i < 32; i++) values[to + i] = d * fiveBits(bytes, at + 4, i) + m
}

/** Integer `i` of 32 whose fifth bits stand in the four bytes before their low ones. */
function fiveBits(bytes: Uint8Array, at: number, i: number): number {
  const low = (bytes[at + 4 + (i & 15)] >> (i < 16 ? 0 : 4)) & 15
  return low | (((bytes[at + (i >> 3)] >> (i & 7)) & 1) << 4)
}

/** [d 2][q 32, signed]: d q */
export const decodeQ8_0: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 32; i++) values[to + i] = d * ((bytes[at + 2 + i] << 24) >> 24)
}

/** What the sixteen values of q stand for in IQ4_NL: denser near zero. */
const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113]

/** [d 2][q 16]: d NON_LINEAR[q] */
export const decodeIQ4_NL: DecodeBlock = (bytes, at, values, to) => {
  const d = halfAt(bytes, at)
  for (let i = 0; i < 16; i++) {
    const pair = bytes[at + 2 + i]
    values[to + i] = d * NON_LINEAR[pair & 15]
    values[to + 16 + i] = d * NON_LINEAR[pair >> 4]
  }
}
