import { fma, fma1 } from '../../../devices/wasm/kernels/math.as.ts'

/**
 * out [P, N] = scale before [P, N] + Σ_k w[k] a[k, p] b[k, n]: a state after a chunk. out may be before,
 * which may be 0 (absent).
 */
export function ssdOuter(
  out: usize,
  before: usize,
  scale: f32,
  w: usize,
  a: usize,
  aStride: i32,
  b: usize,
  bStride: i32,
  P: i32,
  N: i32,
  K: i32,
): void {
  const step = (<usize>N) << 2
  const aStep = (<usize>aStride) << 2
  const bStep = (<usize>bStride) << 2
  const factor = f32x4.splat(scale)
  let p = 0
  for (; p + 4 <= P; p += 4) {
    let n = 0
    for (; n + 8 <= N; n += 8) {
      const at = p * step + ((<usize>n) << 2)
      let c00 = f32x4.splat(0)
      let c01 = c00
      let c10 = c00
      let c11 = c00
      let c20 = c00
      let c21 = c00
      let c30 = c00
      let c31 = c00
      if (before) {
        let o = before + at
        c00 = f32x4.mul(factor, v128.load(o))
        c01 = f32x4.mul(factor, v128.load(o, 16))
        o += step
        c10 = f32x4.mul(factor, v128.load(o))
        c11 = f32x4.mul(factor, v128.load(o, 16))
        o += step
        c20 = f32x4.mul(factor, v128.load(o))
        c21 = f32x4.mul(factor, v128.load(o, 16))
        o += step
        c30 = f32x4.mul(factor, v128.load(o))
        c31 = f32x4.mul(factor, v128.load(o, 16))
      }
      let pa = a + ((<usize>p) << 2)
      let pb = b + ((<usize>n) << 2)
      for (let k = 0; k < K; k++) {
        const weight = v128.load32_splat(w + ((<usize>k) << 2))
        const b0 = f32x4.mul(weight, v128.load(pb))
        const b1 = f32x4.mul(weight, v128.load(pb, 16))
        let s = v128.load32_splat(pa)
        c00 = fma(s, b0, c00)
        c01 = fma(s, b1, c01)
        s = v128.load32_splat(pa, 4)
        c10 = fma(s, b0, c10)
        c11 = fma(s, b1, c11)
        s = v128.load32_splat(pa, 8)
        c20 = fma(s, b0, c20)
        c21 = fma(s, b1, c21)
        s = v128.load32_splat(pa, 12)
        c30 = fma(s, b0, c30)
        c31 = fma(s, b1, c31)
        pa += aStep
        pb += bStep
      }
      let o = out + at
      v128.store(o, c00)
      v128.store(o, c01, 16)
      o += step
      v128.store(o, c10)
      v128.store(o, c11, 16)
      o += step
      v128.store(o, c20)
      v128.store(o, c21, 16)
      o += step
      v128.store(o, c30)
      v128.store(o, c31, 16)
    }
    if (n < N) {
      for (let r = p; r < p + 4; r++) outerRow(out, before, scale, w, a, aStep, b, bStep, r, n, N, K)
    }
  }
  for (; p < P; p++) outerRow(out, before, scale, w, a, aStep, b, bStep, p, 0, N, K)
}

/** Columns from n to N of row p. */
function outerRow(
  out: usize,
  before: usize,
  scale: f32,
  w: usize,
  a: usize,
  aStep: usize,
  b: usize,
  bStep: usize,
  p: i32,
  n: i32,
  N: i32,
  K: i32,
): void {
  const pa = a + ((<usize>p) << 2)
  for (; n + 4 <= N; n += 4) {
    const at = (<usize>(p * N + n)) << 2
    let c = before ? f32x4.mul(f32x4.splat(scale), v128.load(before + at)) : f32x4.splat(0)
    for (let k = 0; k < K; k++) {
      const weight = v128.load32_splat(w + ((<usize>k) << 2))
      const bk = f32x4.mul(weight, v128.load(b + k * bStep + ((<usize>n) << 2)))
      c = fma(v128.load32_splat(pa + k * aStep), bk, c)
    }
    v128.store(out + at, c)
  }
  for (; n < N; n++) {
    const at = (<usize>(p * N + n)) << 2
    let c: f32 = before ? scale * load<f32>(before + at) : 0
    for (let k = 0; k < K; k++) {
      const bk = load<f32>(w + ((<usize>k) << 2)) * load<f32>(b + k * bStep + ((<usize>n) << 2))
      c = fma1(load<f32>(pa + k * aStep), bk, c)
    }
    store<f32>(out + at, c)
  }
}
