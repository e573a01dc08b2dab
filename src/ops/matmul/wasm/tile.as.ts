import { fma } from '../../../devices/wasm/kernels/math.as.ts'

/**
 * The register tile: y [6, 8] (+)= a [6, K] · b [K, 8]. Rows of a and y are at the given places, of which
 * several may be the same; b is a packed panel. Twelve accumulators, two vectors of b and one broadcast a are
 * all the registers there are: with more than one k in the text, V8 brings the same sum's steps together and
 * spills others (52 GFLOP/s; so 62). V8 unrolls the loop itself. Loads come before stores, and an element's
 * sum runs over k in order.
 */
export function matmulTile(
  a0: usize,
  a1: usize,
  a2: usize,
  a3: usize,
  a4: usize,
  a5: usize,
  b: usize,
  K: i32,
  y0: usize,
  y1: usize,
  y2: usize,
  y3: usize,
  y4: usize,
  y5: usize,
  onTop: bool,
): void {
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c30 = f32x4.splat(0)
  let c31 = f32x4.splat(0)
  let c40 = f32x4.splat(0)
  let c41 = f32x4.splat(0)
  let c50 = f32x4.splat(0)
  let c51 = f32x4.splat(0)
  if (onTop) {
    c00 = v128.load(y0)
    c01 = v128.load(y0, 16)
    c10 = v128.load(y1)
    c11 = v128.load(y1, 16)
    c20 = v128.load(y2)
    c21 = v128.load(y2, 16)
    c30 = v128.load(y3)
    c31 = v128.load(y3, 16)
    c40 = v128.load(y4)
    c41 = v128.load(y4, 16)
    c50 = v128.load(y5)
    c51 = v128.load(y5, 16)
  }
  let s: v128
  let b0: v128
  let b1: v128
  for (let k = 0; k < K; k++) {
    b0 = v128.load(b)
    b1 = v128.load(b, 16)
    s = v128.load32_splat(a0)
    c00 = fma(s, b0, c00)
    c01 = fma(s, b1, c01)
    s = v128.load32_splat(a1)
    c10 = fma(s, b0, c10)
    c11 = fma(s, b1, c11)
    s = v128.load32_splat(a2)
    c20 = fma(s, b0, c20)
    c21 = fma(s, b1, c21)
    s = v128.load32_splat(a3)
    c30 = fma(s, b0, c30)
    c31 = fma(s, b1, c31)
    s = v128.load32_splat(a4)
    c40 = fma(s, b0, c40)
    c41 = fma(s, b1, c41)
    s = v128.load32_splat(a5)
    c50 = fma(s, b0, c50)
    c51 = fma(s, b1, c51)
    b += 32
    a0 += 4
    a1 += 4
    a2 += 4
    a3 += 4
    a4 += 4
    a5 += 4
  }
  v128.store(y0, c00)
  v128.store(y0, c01, 16)
  v128.store(y1, c10)
  v128.store(y1, c11, 16)
  v128.store(y2, c20)
  v128.store(y2, c21, 16)
  v128.store(y3, c30)
  v128.store(y3, c31, 16)
  v128.store(y4, c40)
  v128.store(y4, c41, 16)
  v128.store(y5, c50)
  v128.store(y5, c51, 16)
}
