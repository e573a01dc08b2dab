/**
 * Small matrix products on rows of any stride (strides in elements), in tiles of registers. Sums run in the
 * order of k, and the tiles lie where they lie whatever the threads. Sizes that are no multiple of a tile
 * take slower loops at the edges.
 */
import { fma, fma1, sum4 } from '../../../devices/wasm/kernels/math.as.ts'

/** What part of the k of a row i counts. */
export const SSD_FULL: i32 = 0
/** k <= i, of matrices that are zero for k > i. */
export const SSD_LOWER: i32 = 1
/** k >= i, of matrices that are zero for k < i. */
export const SSD_UPPER: i32 = 2

/** out [M, N] += Σ_k a[i, k] b[k, j], a at i aRow + k aColumn. */
export function ssdAddProduct(
  out: usize,
  outStride: i32,
  a: usize,
  aRow: i32,
  aColumn: i32,
  b: usize,
  bStride: i32,
  M: i32,
  N: i32,
  K: i32,
  part: i32,
): void {
  const outStep = (<usize>outStride) << 2
  const aRowStep = (<usize>aRow) << 2
  const aStep = (<usize>aColumn) << 2
  const bStep = (<usize>bStride) << 2
  let i = 0
  for (; i + 4 <= M; i += 4) {
    const first = part == SSD_UPPER ? i : 0
    const last = part == SSD_LOWER ? min(K, i + 4) : K
    const aRows = a + i * aRowStep + first * aStep
    let j = 0
    for (; j + 8 <= N; j += 8) {
      let o = out + i * outStep + ((<usize>j) << 2)
      let c00 = v128.load(o)
      let c01 = v128.load(o, 16)
      o += outStep
      let c10 = v128.load(o)
      let c11 = v128.load(o, 16)
      o += outStep
      let c20 = v128.load(o)
      let c21 = v128.load(o, 16)
      o += outStep
      let c30 = v128.load(o)
      let c31 = v128.load(o, 16)
      let pa0 = aRows
      let pa1 = pa0 + aRowStep
      let pa2 = pa1 + aRowStep
      let pa3 = pa2 + aRowStep
      let pb = b + first * bStep + ((<usize>j) << 2)
      for (let k = first; k < last; k++) {
        const b0 = v128.load(pb)
        const b1 = v128.load(pb, 16)
        let s = v128.load32_splat(pa0)
        c00 = fma(s, b0, c00)
        c01 = fma(s, b1, c01)
        s = v128.load32_splat(pa1)
        c10 = fma(s, b0, c10)
        c11 = fma(s, b1, c11)
        s = v128.load32_splat(pa2)
        c20 = fma(s, b0, c20)
        c21 = fma(s, b1, c21)
        s = v128.load32_splat(pa3)
        c30 = fma(s, b0, c30)
        c31 = fma(s, b1, c31)
        pa0 += aStep
        pa1 += aStep
        pa2 += aStep
        pa3 += aStep
        pb += bStep
      }
      o = out + i * outStep + ((<usize>j) << 2)
      v128.store(o, c00)
      v128.store(o, c01, 16)
      o += outStep
      v128.store(o, c10)
      v128.store(o, c11, 16)
      o += outStep
      v128.store(o, c20)
      v128.store(o, c21, 16)
      o += outStep
      v128.store(o, c30)
      v128.store(o, c31, 16)
    }
    if (j < N) {
      for (let r = 0; r < 4; r++) {
        const o = out + (i + r) * outStep
        addProductRow(o, aRows + r * aRowStep, aStep, b + first * bStep, bStep, j, N, last - first)
      }
    }
  }
  for (; i < M; i++) {
    const first = part == SSD_UPPER ? i : 0
    const last = part == SSD_LOWER ? min(K, i + 1) : K
    const aRows = a + i * aRowStep + first * aStep
    addProductRow(out + i * outStep, aRows, aStep, b + first * bStep, bStep, 0, N, last - first)
  }
}

/** Columns from j to N of one row of out. */
function addProductRow(
  out: usize,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  j: i32,
  N: i32,
  K: i32,
): void {
  for (; j + 4 <= N; j += 4) {
    const o = out + ((<usize>j) << 2)
    let c = v128.load(o)
    for (let k = 0; k < K; k++) {
      c = fma(v128.load32_splat(a + k * aStep), v128.load(b + k * bStep + ((<usize>j) << 2)), c)
    }
    v128.store(o, c)
  }
  for (; j < N; j++) {
    const o = out + ((<usize>j) << 2)
    let c = load<f32>(o)
    for (let k = 0; k < K; k++)
      c = fma1(load<f32>(a + k * aStep), load<f32>(b + k * bStep + ((<usize>j) << 2)), c)
    store<f32>(o, c)
  }
}

/** [Σ a0, Σ a1, Σ a2, Σ a3] over lanes. */
function sums4(a0: v128, a1: v128, a2: v128, a3: v128): v128 {
  const s01 = f32x4.add(v128.shuffle<f32>(a0, a1, 0, 4, 1, 5), v128.shuffle<f32>(a0, a1, 2, 6, 3, 7))
  const s23 = f32x4.add(v128.shuffle<f32>(a2, a3, 0, 4, 1, 5), v128.shuffle<f32>(a2, a3, 2, 6, 3, 7))
  return f32x4.add(v128.shuffle<f32>(s01, s23, 0, 1, 4, 5), v128.shuffle<f32>(s01, s23, 2, 3, 6, 7))
}

/**
 * out [M, N] = w[i] Σ_k a[i, k] b[j, k], rows against rows; w absent (0) is 1. With `part` SSD_LOWER only
 * where j <= i, and whatever it may be above.
 */
export function ssdDots(
  out: usize,
  outStride: i32,
  w: usize,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  M: i32,
  N: i32,
  K: i32,
  part: i32,
): void {
  const outStep = (<usize>outStride) << 2
  const aStep = (<usize>aStride) << 2
  const bStep = (<usize>bStride) << 2
  const lanes = (<usize>(K & ~3)) << 2
  const all = (<usize>K) << 2
  let i = 0
  for (; i + 2 <= M; i += 2) {
    const last = part == SSD_LOWER ? min(N, i + 2) : N
    const pa0 = a + i * aStep
    const pa1 = pa0 + aStep
    const w0: f32 = w ? load<f32>(w + ((<usize>i) << 2)) : 1
    const w1: f32 = w ? load<f32>(w + ((<usize>i) << 2), 4) : 1
    let j = 0
    for (; j + 4 <= last; j += 4) {
      const pb0 = b + j * bStep
      const pb1 = pb0 + bStep
      const pb2 = pb1 + bStep
      const pb3 = pb2 + bStep
      let c00 = f32x4.splat(0)
      let c01 = c00
      let c02 = c00
      let c03 = c00
      let c10 = c00
      let c11 = c00
      let c12 = c00
      let c13 = c00
      for (let k: usize = 0; k < lanes; k += 16) {
        const a0 = v128.load(pa0 + k)
        const a1 = v128.load(pa1 + k)
        let bk = v128.load(pb0 + k)
        c00 = fma(a0, bk, c00)
        c10 = fma(a1, bk, c10)
        bk = v128.load(pb1 + k)
        c01 = fma(a0, bk, c01)
        c11 = fma(a1, bk, c11)
        bk = v128.load(pb2 + k)
        c02 = fma(a0, bk, c02)
        c12 = fma(a1, bk, c12)
        bk = v128.load(pb3 + k)
        c03 = fma(a0, bk, c03)
        c13 = fma(a1, bk, c13)
      }
      let row0 = sums4(c00, c01, c02, c03)
      let row1 = sums4(c10, c11, c12, c13)
      for (let k = lanes; k < all; k += 4) {
        let bk = f32x4.splat(load<f32>(pb0 + k))
        bk = f32x4.replace_lane(bk, 1, load<f32>(pb1 + k))
        bk = f32x4.replace_lane(bk, 2, load<f32>(pb2 + k))
        bk = f32x4.replace_lane(bk, 3, load<f32>(pb3 + k))
        row0 = fma(v128.load32_splat(pa0 + k), bk, row0)
        row1 = fma(v128.load32_splat(pa1 + k), bk, row1)
      }
      const o = out + i * outStep + ((<usize>j) << 2)
      v128.store(o, f32x4.mul(f32x4.splat(w0), row0))
      v128.store(o + outStep, f32x4.mul(f32x4.splat(w1), row1))
    }
    for (; j < last; j++) {
      const o = out + i * outStep + ((<usize>j) << 2)
      store<f32>(o, w0 * ssdDot(pa0, b + j * bStep, K))
      store<f32>(o + outStep, w1 * ssdDot(pa1, b + j * bStep, K))
    }
  }
  for (; i < M; i++) {
    const last = part == SSD_LOWER ? min(N, i + 1) : N
    const w0: f32 = w ? load<f32>(w + ((<usize>i) << 2)) : 1
    for (let j = 0; j < last; j++) {
      store<f32>(out + i * outStep + ((<usize>j) << 2), w0 * ssdDot(a + i * aStep, b + j * bStep, K))
    }
  }
}

/** Σ_k a[k] b[k] */
export function ssdDot(a: usize, b: usize, K: i32): f32 {
  const lanes = (<usize>(K & ~3)) << 2
  let sums = f32x4.splat(0)
  for (let k: usize = 0; k < lanes; k += 16) sums = fma(v128.load(a + k), v128.load(b + k), sums)
  let sum = sum4(sums)
  for (let k = lanes; k < (<usize>K) << 2; k += 4) sum = fma1(load<f32>(a + k), load<f32>(b + k), sum)
  return sum
}

/** y [size] += w x [size] */
export function ssdAxpy(y: usize, w: f32, x: usize, size: i32): void {
  const lanes = (<usize>(size & ~3)) << 2
  const factor = f32x4.splat(w)
  for (let i: usize = 0; i < lanes; i += 16)
    v128.store(y + i, fma(factor, v128.load(x + i), v128.load(y + i)))
  for (let i = lanes; i < (<usize>size) << 2; i += 4)
    store<f32>(y + i, fma1(w, load<f32>(x + i), load<f32>(y + i)))
}
