import { fma } from '../../../devices/wasm/kernels/math.as.ts'
import { finishRows, storeSome } from '../../matmul/wasm/few-rows.as.ts'
import { word } from '../../matmul/wasm/finish.as.ts'
import { halves4 } from './half.as.ts'

/** The first `width` of eight. */
export function storeEight(y: usize, low: v128, high: v128, width: i32): void {
  storeSome(y, low, width)
  if (width > 4) storeSome(y + 16, high, width - 4)
}

/** y [8] = x [K] · W [8, K] */
function one(x: usize, w: usize, K: i32, y: usize, width: i32): void {
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let r0 = f32x4.splat(0)
  let r1 = f32x4.splat(0)
  let k = 0
  for (; k + 2 <= K; k += 2, w += 32, x += 8) {
    const w0 = v128.load(w)
    const w1 = v128.load(w, 16)
    let a = v128.load32_splat(x)
    s0 = fma(a, halves4(i32x4.shl(w0, 16)), s0)
    s1 = fma(a, halves4(i32x4.shl(w1, 16)), s1)
    a = v128.load32_splat(x, 4)
    r0 = fma(a, halves4(w0), r0)
    r1 = fma(a, halves4(w1), r1)
  }
  if (k < K) {
    const a = v128.load32_splat(x)
    s0 = fma(a, halves4(i32x4.shl(v128.load(w), 16)), s0)
    s1 = fma(a, halves4(i32x4.shl(v128.load(w, 16), 16)), s1)
  }
  storeEight(y, f32x4.add(s0, r0), f32x4.add(s1, r1), width)
}

/** y [4, 8] = x [4, K] · W [8, K]; several rows may be the same. */
function four(
  x0: usize,
  x1: usize,
  x2: usize,
  x3: usize,
  w: usize,
  K: i32,
  y0: usize,
  y1: usize,
  y2: usize,
  y3: usize,
  width: i32,
): void {
  let s00 = f32x4.splat(0)
  let s01 = f32x4.splat(0)
  let s10 = f32x4.splat(0)
  let s11 = f32x4.splat(0)
  let s20 = f32x4.splat(0)
  let s21 = f32x4.splat(0)
  let s30 = f32x4.splat(0)
  let s31 = f32x4.splat(0)
  let a: v128
  let at: usize = 0
  let k = 0
  for (; k + 2 <= K; k += 2, w += 32, at += 8) {
    const v0 = v128.load(w)
    const v1 = v128.load(w, 16)
    let w0 = halves4(i32x4.shl(v0, 16))
    let w1 = halves4(i32x4.shl(v1, 16))
    a = v128.load32_splat(x0 + at)
    s00 = fma(a, w0, s00)
    s01 = fma(a, w1, s01)
    a = v128.load32_splat(x1 + at)
    s10 = fma(a, w0, s10)
    s11 = fma(a, w1, s11)
    a = v128.load32_splat(x2 + at)
    s20 = fma(a, w0, s20)
    s21 = fma(a, w1, s21)
    a = v128.load32_splat(x3 + at)
    s30 = fma(a, w0, s30)
    s31 = fma(a, w1, s31)
    w0 = halves4(v0)
    w1 = halves4(v1)
    a = v128.load32_splat(x0 + at, 4)
    s00 = fma(a, w0, s00)
    s01 = fma(a, w1, s01)
    a = v128.load32_splat(x1 + at, 4)
    s10 = fma(a, w0, s10)
    s11 = fma(a, w1, s11)
    a = v128.load32_splat(x2 + at, 4)
    s20 = fma(a, w0, s20)
    s21 = fma(a, w1, s21)
    a = v128.load32_splat(x3 + at, 4)
    s30 = fma(a, w0, s30)
    s31 = fma(a, w1, s31)
  }
  if (k < K) {
    const w0 = halves4(i32x4.shl(v128.load(w), 16))
    const w1 = halves4(i32x4.shl(v128.load(w, 16), 16))
    a = v128.load32_splat(x0 + at)
    s00 = fma(a, w0, s00)
    s01 = fma(a, w1, s01)
    a = v128.load32_splat(x1 + at)
    s10 = fma(a, w0, s10)
    s11 = fma(a, w1, s11)
    a = v128.load32_splat(x2 + at)
    s20 = fma(a, w0, s20)
    s21 = fma(a, w1, s21)
    a = v128.load32_splat(x3 + at)
    s30 = fma(a, w0, s30)
    s31 = fma(a, w1, s31)
  }
  storeEight(y0, s00, s01, width)
  storeEight(y1, s10, s11, width)
  storeEight(y2, s20, s21, width)
  storeEight(y3, s30, s31, width)
}

/**
 * y [M, N] = f(x · Wᵀ + bias) + residual for few rows of x, which all meet a panel while it is in the cache.
 * Items: panels.
 */
export function packedDotF16(
  x: usize,
  words: usize,
  y: usize,
  bias: usize,
  residual: usize,
  kind: i32,
  M: i32,
  N: i32,
  K: i32,
  xRow: i32,
  begin: i32,
  end: i32,
): void {
  const panelWords = ((K + 1) / 2) * 8
  for (let panel = begin; panel < end; panel++) {
    const w = word(words, panel * panelWords)
    const n = panel * 8
    const width = min(8, N - n)
    const to = word(y, n)
    if (M == 1) one(x, w, K, to, width)
    else {
      for (let m = 0; m < M; m += 4) {
        const m1 = min(m + 1, M - 1)
        const m2 = min(m + 2, M - 1)
        const m3 = min(m + 3, M - 1)
        four(
          word(x, m * xRow),
          word(x, m1 * xRow),
          word(x, m2 * xRow),
          word(x, m3 * xRow),
          w,
          K,
          word(to, m * N),
          word(to, m1 * N),
          word(to, m2 * N),
          word(to, m3 * N),
          width,
        )
      }
    }
    finishRows(y, bias, residual, 0, kind, M, N, n, n, width)
  }
}
