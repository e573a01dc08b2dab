import { fma } from '../../../devices/wasm/kernels/math.as.ts'
import { finishRows } from '../../matmul/wasm/few-rows.as.ts'
import { word } from '../../matmul/wasm/finish.as.ts'
import { asDigits, digitTimes4, digitTimes8 } from './dot-digits.as.ts'
import { storeEight } from './dot-f16.as.ts'
import { scales4 } from './half.as.ts'

/** Bytes of blocks of 8 rows, and of 32 activations in integers: see `format.ts` and `quantise.as.ts`. */
const BYTES8: i32 = 272
const BYTES4: i32 = 144
const RECORD: i32 = 144

/** acc + w · x, two products a lane. */
function dot(acc: v128, w: v128, x: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(w, x))
}

/** s h + 2^-15 s l */
function joined(x: usize, h: v128, l: v128): v128 {
  const low = f32x4.mul(f32x4.convert_i32x4_s(l), v128.load32_splat(x, 4))
  return fma(f32x4.convert_i32x4_s(h), v128.load32_splat(x), low)
}

/** Bytes 0 and 2 of each word, and 1 and 3, as int16. */
function even(w: v128): v128 {
  return i16x8.shr_s(i16x8.shl(w, 8), 8)
}

function odd(w: v128): v128 {
  return i16x8.shr_s(w, 8)
}

/** y [8] = x · W [8, K], x in integers, W in int8. */
function times8(x: usize, w: usize, blocks: i32, y: usize, width: i32): void {
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  for (let b = 0; b < blocks; b++, w += BYTES8, x += RECORD) {
    let h0 = i32x4.splat(0)
    let h1 = i32x4.splat(0)
    let l0 = i32x4.splat(0)
    let l1 = i32x4.splat(0)
    for (let g = 0; g < 8; g++) {
      const from = w + ((<usize>g) << 5)
      const pairs = x + ((<usize>g) << 4)
      const w0 = v128.load(from, 16)
      const w1 = v128.load(from, 32)
      let a = even(w0)
      let b = even(w1)
      let p = v128.load32_splat(pairs, 16)
      h0 = dot(h0, a, p)
      h1 = dot(h1, b, p)
      p = v128.load32_splat(pairs, 20)
      l0 = dot(l0, a, p)
      l1 = dot(l1, b, p)
      a = odd(w0)
      b = odd(w1)
      p = v128.load32_splat(pairs, 24)
      h0 = dot(h0, a, p)
      h1 = dot(h1, b, p)
      p = v128.load32_splat(pairs, 28)
      l0 = dot(l0, a, p)
      l1 = dot(l1, b, p)
    }
    y0 = fma(joined(x, h0, l0), scales4(w), y0)
    y1 = fma(joined(x, h1, l1), scales4(w + 8), y1)
  }
  storeEight(y, y0, y1, width)
}

/**
 * y [8] = x · W [8, K], x in integers, W in 4 bits: lanes of 16 bits hold four of them, one after the other.
 */
function times4(x: usize, w: usize, blocks: i32, y: usize, width: i32): void {
  const mask = i16x8.splat(15)
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  for (let b = 0; b < blocks; b++, w += BYTES4, x += RECORD) {
    // Σ (q - 8) x = Σ q x - 8 Σ x
    let h0 = v128.load32_splat(x, 8)
    let h1 = h0
    let l0 = v128.load32_splat(x, 12)
    let l1 = l0
    for (let g = 0; g < 4; g++) {
      const from = w + ((<usize>g) << 5)
      const pairs = x + ((<usize>g) << 5)
      const w0 = v128.load(from, 16)
      const w1 = v128.load(from, 32)
      let a = v128.and(w0, mask)
      let b = v128.and(w1, mask)
      let p = v128.load32_splat(pairs, 16)
      h0 = dot(h0, a, p)
      h1 = dot(h1, b, p)
      p = v128.load32_splat(pairs, 20)
      l0 = dot(l0, a, p)
      l1 = dot(l1, b, p)
      a = v128.and(i16x8.shr_u(w0, 8), mask)
      b = v128.and(i16x8.shr_u(w1, 8), mask)
      p = v128.load32_splat(pairs, 24)
      h0 = dot(h0, a, p)
      h1 = dot(h1, b, p)
      p = v128.load32_splat(pairs, 28)
      l0 = dot(l0, a, p)
      l1 = dot(l1, b, p)
      a = v128.and(i16x8.shr_u(w0, 4), mask)
      b = v128.and(i16x8.shr_u(w1, 4), mask)
      p = v128.load32_splat(pairs, 32)
      h0 = dot(h0, a, p)
      h1 = dot(h1, b, p)
      p = v128.load32_splat(pairs, 36)
      l0 = dot(l0, a, p)
      l1 = dot(l1, b, p)
      a = i16x8.shr_u(w0, 12)
      b = i16x8.shr_u(w1, 12)
      p = v128.load32_splat(pairs, 40)
      h0 = dot(h0, a, p)
      h1 = dot(h1, b, p)
      p = v128.load32_splat(pairs, 44)
      l0 = dot(l0, a, p)
      l1 = dot(l1, b, p)
    }
    y0 = fma(joined(x, h0, l0), scales4(w), y0)
    y1 = fma(joined(x, h1, l1), scales4(w + 8), y1)
  }
  storeEight(y, y0, y1, width)
}

/**
 * y [M, N] = f(x · Wᵀ + bias) + residual for few rows of x, in integers q [M, K / 32, 36]; W in int8, or in 4
 * bits. All rows meet a panel while it is in the cache. Items: panels.
 */
export function packedDotInt(
  q: usize,
  words: usize,
  y: usize,
  bias: usize,
  residual: usize,
  kind: i32,
  M: i32,
  N: i32,
  K: i32,
  bits: i32,
  digits: i32,
  begin: i32,
  end: i32,
): void {
  const blocks = K / 32
  const inDigits = asDigits(digits)
  const row = <usize>(blocks * RECORD)
  const bytes = <usize>blocks * <usize>(bits == 8 ? BYTES8 : BYTES4)
  for (let panel = begin; panel < end; panel++) {
    const w = words + <usize>panel * bytes
    const n = panel * 8
    const width = min(8, N - n)
    const to = word(y, n)
    for (let m = 0; m < M; m++) {
      const x = q + <usize>m * row
      const into = word(to, m * N)
      if (ASC_FEATURE_RELAXED_SIMD && inDigits) {
        if (bits == 8) digitTimes8(x, w, blocks, into, width)
        else digitTimes4(x, w, blocks, into, width)
      } else if (bits == 8) times8(x, w, blocks, into, width)
      else times4(x, w, blocks, into, width)
    }
    finishRows(y, bias, residual, 0, kind, M, N, n, n, width)
  }
}
