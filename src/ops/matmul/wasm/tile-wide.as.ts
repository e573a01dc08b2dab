import { fma } from '../../../devices/wasm/kernels/math.as.ts'

/**
 * The register tile for engines that join neighbouring vectors to wider ones: y [3, 16] (+)= a [3, K] · b [K,
 * 16], whose columns are in two packed panels of 8, b and c. Multiplication and addition stay apart: V8 14
 * joins them, but not fused ones. y is added last: sums that begin at it cost a fifth of the speed. K is
 * even.
 */
export function matmulTileWide(
  a0: usize,
  a1: usize,
  a2: usize,
  b: usize,
  c: usize,
  K: i32,
  y0: usize,
  y1: usize,
  y2: usize,
  onTop: bool,
): void {
  let c00 = f32x4.splat(0)
  let c01 = f32x4.splat(0)
  let c02 = f32x4.splat(0)
  let c03 = f32x4.splat(0)
  let c10 = f32x4.splat(0)
  let c11 = f32x4.splat(0)
  let c12 = f32x4.splat(0)
  let c13 = f32x4.splat(0)
  let c20 = f32x4.splat(0)
  let c21 = f32x4.splat(0)
  let c22 = f32x4.splat(0)
  let c23 = f32x4.splat(0)
  for (let k = 0; k < K; k += 2, b += 64, c += 64, a0 += 8, a1 += 8, a2 += 8) {
    let b0 = v128.load(b, 0)
    let b1 = v128.load(b, 16)
    let b2 = v128.load(c, 0)
    let b3 = v128.load(c, 16)
    let s = v128.load32_splat(a0)
    c00 = f32x4.add(f32x4.mul(s, b0), c00)
    c01 = f32x4.add(f32x4.mul(s, b1), c01)
    c02 = f32x4.add(f32x4.mul(s, b2), c02)
    c03 = f32x4.add(f32x4.mul(s, b3), c03)
    s = v128.load32_splat(a1)
    c10 = f32x4.add(f32x4.mul(s, b0), c10)
    c11 = f32x4.add(f32x4.mul(s, b1), c11)
    c12 = f32x4.add(f32x4.mul(s, b2), c12)
    c13 = f32x4.add(f32x4.mul(s, b3), c13)
    s = v128.load32_splat(a2)
    c20 = f32x4.add(f32x4.mul(s, b0), c20)
    c21 = f32x4.add(f32x4.mul(s, b1), c21)
    c22 = f32x4.add(f32x4.mul(s, b2), c22)
    c23 = f32x4.add(f32x4.mul(s, b3), c23)
    b0 = v128.load(b, 32)
    b1 = v128.load(b, 48)
    b2 = v128.load(c, 32)
    b3 = v128.load(c, 48)
    s = v128.load32_splat(a0, 4)
    c00 = f32x4.add(f32x4.mul(s, b0), c00)
    c01 = f32x4.add(f32x4.mul(s, b1), c01)
    c02 = f32x4.add(f32x4.mul(s, b2), c02)
    c03 = f32x4.add(f32x4.mul(s, b3), c03)
    s = v128.load32_splat(a1, 4)
    c10 = f32x4.add(f32x4.mul(s, b0), c10)
    c11 = f32x4.add(f32x4.mul(s, b1), c11)
    c12 = f32x4.add(f32x4.mul(s, b2), c12)
    c13 = f32x4.add(f32x4.mul(s, b3), c13)
    s = v128.load32_splat(a2, 4)
    c20 = f32x4.add(f32x4.mul(s, b0), c20)
    c21 = f32x4.add(f32x4.mul(s, b1), c21)
    c22 = f32x4.add(f32x4.mul(s, b2), c22)
    c23 = f32x4.add(f32x4.mul(s, b3), c23)
  }
  if (onTop) {
    c00 = f32x4.add(v128.load(y0), c00)
    c01 = f32x4.add(v128.load(y0, 16), c01)
    c02 = f32x4.add(v128.load(y0, 32), c02)
    c03 = f32x4.add(v128.load(y0, 48), c03)
    c10 = f32x4.add(v128.load(y1), c10)
    c11 = f32x4.add(v128.load(y1, 16), c11)
    c12 = f32x4.add(v128.load(y1, 32), c12)
    c13 = f32x4.add(v128.load(y1, 48), c13)
    c20 = f32x4.add(v128.load(y2), c20)
    c21 = f32x4.add(v128.load(y2, 16), c21)
    c22 = f32x4.add(v128.load(y2, 32), c22)
    c23 = f32x4.add(v128.load(y2, 48), c23)
  }
  v128.store(y0, c00)
  v128.store(y0, c01, 16)
  v128.store(y0, c02, 32)
  v128.store(y0, c03, 48)
  v128.store(y1, c10)
  v128.store(y1, c11, 16)
  v128.store(y1, c12, 32)
  v128.store(y1, c13, 48)
  v128.store(y2, c20)
  v128.store(y2, c21, 16)
  v128.store(y2, c22, 32)
  v128.store(y2, c23, 48)
}

/** A row of a tile, y [8] += a [K] · b [K, 8], for the last k. */
export function matmulTileRest(a: usize, b: usize, K: i32, y: usize): void {
  let c0 = v128.load(y)
  let c1 = v128.load(y, 16)
  for (let k = 0; k < K; k++, a += 4, b += 32) {
    const s = v128.load32_splat(a)
    c0 = fma(s, v128.load(b), c0)
    c1 = fma(s, v128.load(b, 16), c1)
  }
  v128.store(y, c0)
  v128.store(y, c1, 16)
}
