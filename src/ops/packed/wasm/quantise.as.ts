import { max4 } from '../../../devices/wasm/kernels/math.as.ts'
import { word } from '../../matmul/wasm/finish.as.ts'
import { asDigits } from './dot-digits.as.ts'

/** Words of 32 activations in integers. */
const RECORD: i32 = 36

/**
 * x [M, K] in blocks of 32 as integers that are as exact as f32 and whose products with integers of 8 bits
 * add up in 32 bits: for `dot-digits.as.ts` where there are dot products of bytes, for `dot-int.as.ts`
 * elsewhere. Items: blocks of all rows.
 */
export function packedQuantise(
  x: usize,
  q: usize,
  K: i32,
  xRow: i32,
  bits: i32,
  digits: i32,
  begin: i32,
  end: i32,
): void {
  const blocks = K / 32
  const inDigits = asDigits(digits)
  for (let item = begin; item < end; item++) {
    const from = word(x, (item / blocks) * xRow + (item % blocks) * 32)
    const to = word(q, item * RECORD)
    let most = f32x4.splat(0)
    for (let i = 0; i < 32; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(word(from, i))))
    // Below, s would be subnormal: such blocks are zero. NaN and infinity make s the same, and with it all of
    // y.
    const largest = max4(most)
    const kept: f32 = largest < 1e-33 ? 0 : largest
    if (!inDigits) halves(from, to, kept)
    else if (bits == 8) digits7(from, to, kept)
    else digits8(from, to, kept)
  }
}

/** 1 / s in all lanes; 0 for s = 0, and for what is not finite. */
function inverseOf(s: f32): v128 {
  return f32x4.splat(s > 0 ? 1 / s : 0)
}

function rounded(x: usize, inverse: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), inverse)))
}

/** Four vectors of int32 that fit into bytes, as one of bytes. */
function bytes(a: v128, b: v128, c: v128, d: v128): v128 {
  return i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d))
}

/**
 * x = s (X - 2^20), X = d0 + 2^7 d1 + 2^14 d2 with digits of 7 bits without sign. A record is s, 2^7 s, 2^14
 * s, five words unused, then bytes: 32 d0, 32 d1, 32 d2.
 */
function digits7(x: usize, to: usize, most: f32): void {
  const s: f32 = most / 1048575
  const inverse = inverseOf(s)
  const offset = i32x4.splat(1 << 20)
  const mask = i32x4.splat(127)
  for (let i: usize = 0; i < 32; i += 16) {
    const at = x + (i << 2)
    const a = i32x4.add(rounded(at, inverse), offset)
    const b = i32x4.add(rounded(at + 16, inverse), offset)
    const c = i32x4.add(rounded(at + 32, inverse), offset)
    const d = i32x4.add(rounded(at + 48, inverse), offset)
    for (let digit: i32 = 0; digit < 3; digit++) {
      const by = 7 * digit
      const part = bytes(
        v128.and(i32x4.shr_u(a, by), mask),
        v128.and(i32x4.shr_u(b, by), mask),
        v128.and(i32x4.shr_u(c, by), mask),
        v128.and(i32x4.shr_u(d, by), mask),
      )
      v128.store(to + i + ((<usize>digit) << 5), part, 32)
    }
  }
  store<f32>(to, s)
  store<f32>(to, s * 128, 4)
  store<f32>(to, s * 16384, 8)
}

/**
 * x = s (d0 + 2^8 d1 + 2^16 d2) with digits of 8 bits with sign. A record is s, 2^8 s, 2^16 s, one word
 * unused, -8 Σ d0, -8 Σ d1,
 * -8 Σ d2, one word unused, then bytes: 32 d0, 32 d1, 32 d2.
 */
function digits8(x: usize, to: usize, most: f32): void {
  const s: f32 = most / 4194304
  const inverse = inverseOf(s)
  for (let digit: usize = 0; digit < 3; digit++) store<i32>(to + (digit << 2), 0, 16)
  for (let i: usize = 0; i < 32; i += 16) {
    const at = x + (i << 2)
    let a = rounded(at, inverse)
    let b = rounded(at + 16, inverse)
    let c = rounded(at + 32, inverse)
    let d = rounded(at + 48, inverse)
    for (let digit: usize = 0; digit < 3; digit++) {
      const low = bytes(lowest(a), lowest(b), lowest(c), lowest(d))
      v128.store(to + i + (digit << 5), low, 32)
      const sums = to + (digit << 2)
      const sum = i32x4.add(i32x4.add(lowest(a), lowest(b)), i32x4.add(lowest(c), lowest(d)))
      store<i32>(sums, load<i32>(sums, 16) - 8 * sumOf(sum), 16)
      a = above(a)
      b = above(b)
      c = above(c)
      d = above(d)
    }
  }
  store<f32>(to, s)
  store<f32>(to, s * 256, 4)
  store<f32>(to, s * 65536, 8)
}

/** The lowest digit, -128 to 127. */
function lowest(x: v128): v128 {
  return i32x4.shr_s(i32x4.shl(x, 24), 24)
}

/** The digits above the lowest. */
function above(x: v128): v128 {
  return i32x4.shr_s(i32x4.sub(x, lowest(x)), 8)
}

/**
 * x = s h + 2^-15 s l, two int16: h is the nearest integer to x / s, l what is left. A record [4 + 8 · 4] is
 * s, 2^-15 s, -8 Σ h,
 * -8 Σ l, and for each four x the pairs (h0, h2) (l0, l2) (h1, h3) (l1, l3).
 */
function halves(x: usize, to: usize, most: f32): void {
  const s: f32 = most / 32767
  const inverse = inverseOf(s)
  let sumH = i32x4.splat(0)
  let sumL = i32x4.splat(0)
  const pairs = to + 16
  for (let i = 0; i < 32; i += 4) {
    const scaled = f32x4.mul(v128.load(word(x, i)), inverse)
    const whole = f32x4.nearest(scaled)
    const h = i32x4.trunc_sat_f32x4_s(whole)
    const l = i32x4.trunc_sat_f32x4_s(f32x4.mul(f32x4.sub(scaled, whole), f32x4.splat(32768)))
    sumH = i32x4.add(sumH, h)
    sumL = i32x4.add(sumL, l)
    v128.store(word(pairs, i), i16x8.shuffle(i16x8.narrow_i32x4_s(h, l), h, 0, 2, 4, 6, 1, 3, 5, 7))
  }
  store<f32>(to, s)
  store<f32>(to, s / 32768, 4)
  store<i32>(to, -8 * sumOf(sumH), 8)
  store<i32>(to, -8 * sumOf(sumL), 12)
}

function sumOf(x: v128): i32 {
  return (
    i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
  )
}
