import { exp1, exp4, fma, log1, max4, sum4 } from '../../../../devices/wasm/kernels/math.as.ts'

const LOWEST: f32 = -3e38

/** limits [B, L, 2]: first and last key that each query sees. Items: batch rows. */
export function attentionLimits(
  past: usize,
  reset: usize,
  limits: usize,
  length: i32,
  keys: i32,
  begin: i32,
  end: i32,
): void {
  for (let b = begin; b < end; b++) {
    const before = past ? load<i32>(past + (b << 2)) : keys - length
    let first = 0
    for (let i = 0; i < length; i++) {
      if (reset && load<i32>(reset + ((b * length + i) << 2)) != 0) first = before + i
      const at = limits + ((b * length + i) << 3)
      store<i32>(at, first)
      store<i32>(at, min<i32>(before + i, keys - 1), 4)
    }
  }
}

/** Dot products of a with four rows of n. */
export function attentionDots(a: usize, b0: usize, b1: usize, b2: usize, b3: usize, n: i32): v128 {
  let s0 = f32x4.splat(0)
  let s1 = f32x4.splat(0)
  let s2 = f32x4.splat(0)
  let s3 = f32x4.splat(0)
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const at: usize = i << 2
    const x = v128.load(a + at)
    s0 = fma(x, v128.load(b0 + at), s0)
    s1 = fma(x, v128.load(b1 + at), s1)
    s2 = fma(x, v128.load(b2 + at), s2)
    s3 = fma(x, v128.load(b3 + at), s3)
  }
  let sums = f32x4(sum4(s0), sum4(s1), sum4(s2), sum4(s3))
  for (; i < n; i++) {
    const at: usize = i << 2
    const column = f32x4(load<f32>(b0 + at), load<f32>(b1 + at), load<f32>(b2 + at), load<f32>(b3 + at))
    sums = fma(v128.load32_splat(a + at), column, sums)
  }
  return sums
}

/** y += w0 b0 + w1 b1 + w2 b2 + w3 b3 */
export function attentionGather(y: usize, w: v128, b0: usize, b1: usize, b2: usize, b3: usize, n: i32): void {
  const w0 = f32x4.splat(f32x4.extract_lane(w, 0))
  const w1 = f32x4.splat(f32x4.extract_lane(w, 1))
  const w2 = f32x4.splat(f32x4.extract_lane(w, 2))
  const w3 = f32x4.splat(f32x4.extract_lane(w, 3))
  let i = 0
  for (; i + 4 <= n; i += 4) {
    const at: usize = i << 2
    let sum = fma(w0, v128.load(b0 + at), v128.load(y + at))
    sum = fma(w1, v128.load(b1 + at), sum)
    sum = fma(w2, v128.load(b2 + at), sum)
    v128.store(y + at, fma(w3, v128.load(b3 + at), sum))
  }
  for (; i < n; i++) {
    const at: usize = i << 2
    const column = f32x4(load<f32>(b0 + at), load<f32>(b1 + at), load<f32>(b2 + at), load<f32>(b3 + at))
    store<f32>(y + at, load<f32>(y + at) + sum4(f32x4.mul(w, column)))
  }
}

/** y *= factor */
function scaleRow(y: usize, factor: f32, n: i32): void {
  const factors = f32x4.splat(factor)
  let i = 0
  for (; i + 4 <= n; i += 4) v128.store(y + (i << 2), f32x4.mul(v128.load(y + (i << 2)), factors))
  for (; i < n; i++) store<f32>(y + (i << 2), load<f32>(y + (i << 2)) * factor)
}

/** All bits in the lanes below `count`. */
export function lanesBelow(count: i32): v128 {
  return i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count))
}

/**
 * Early queries see few keys, late ones many: taken in turns, so that equal shares of the items are equal
 * work.
 */
export function queryOf(item: i32, length: i32): i32 {
  const n = item % length
  return n & 1 ? length - 1 - (n >> 1) : n >> 1
}

/** y, lse: keys four at a time, with a running maximum. Items: queries of heads [B, H, L]. */
export function attentionForward(
  q: usize,
  k: usize,
  v: usize,
  limits: usize,
  y: usize,
  lse: usize,
  length: i32,
  keys: i32,
  heads: i32,
  kvHeads: i32,
  headDim: i32,
  qStride: i32,
  kStride: i32,
  vStride: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  const lowest = f32x4.splat(LOWEST)
  for (let item = begin; item < end; item++) {
    const i = queryOf(item, length)
    const h = (item / length) % heads
    const b = item / length / heads
    const hk = (h * kvHeads) / heads
    const first = load<i32>(limits + ((b * length + i) << 3))
    const last = load<i32>(limits + ((b * length + i) << 3), 4)
    const qRow = q + (((b * length + i) * qStride + h * headDim) << 2)
    const kRows = k + ((b * keys * kStride + hk * headDim) << 2)
    const vRows = v + ((b * keys * vStride + hk * headDim) << 2)
    const kStep: usize = kStride << 2
    const vStep: usize = vStride << 2
    const at = (b * length + i) * heads + h
    const yRow = y + ((at * headDim) << 2)
    memory.fill(yRow, 0, headDim << 2)
    let largest = LOWEST
    let weight: f32 = 0
    for (let j = first; j <= last; j += 4) {
      const k0 = kRows + j * kStep
      const v0 = vRows + j * vStep
      const j1 = min<i32>(1, last - j)
      const j2 = min<i32>(2, last - j)
      const j3 = min<i32>(3, last - j)
      const inside = lanesBelow(last - j + 1)
      const dots = attentionDots(qRow, k0, k0 + j1 * kStep, k0 + j2 * kStep, k0 + j3 * kStep, headDim)
      const scores = v128.bitselect(f32x4.mul(dots, f32x4.splat(scale)), lowest, inside)
      const larger = max<f32>(largest, max4(scores))
      if (larger > largest) {
        const shrink = exp1(largest - larger)
        weight *= shrink
        scaleRow(yRow, shrink, headDim)
        largest = larger
      }
      const p = v128.and(exp4(f32x4.sub(scores, f32x4.splat(largest))), inside)
      weight += sum4(p)
      attentionGather(yRow, p, v0, v0 + j1 * vStep, v0 + j2 * vStep, v0 + j3 * vStep, headDim)
    }
    scaleRow(yRow, 1 / weight, headDim)
    store<f32>(lse + (at << 2), largest + log1(weight))
  }
}
