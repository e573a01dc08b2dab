/**
 * FFT of eight channels at once: two real sequences make a complex one, four of these fill the lanes of a
 * vector. A point is [re: channels c..c+3, im: channels c+4..c+7].
 *
 * Forward goes from natural to bit-reversed order (decimation in frequency), inverse the other way, and
 * spectra are multiplied as they lie: nothing is reordered. The position of the frequency -k is that of k
 * with all bits below its highest one flipped.
 */
import { fma } from '../../../../devices/wasm/kernels/math.as.ts'

/** Bytes of a point. */
export const POINT: usize = 32
/**
 * Blocks up to this many points are done pass by pass, larger ones part by part, so that parts stay in cache.
 */
const SMALL: i32 = 512

/** In place; `stride` is how many twiddles one step of this block takes. */
export function forward(x: usize, n: i32, stride: i32, twiddles: usize): void {
  if (n > SMALL) {
    split(x, n, stride, twiddles)
    const quarter = <usize>(n / 4) * POINT
    for (let part: usize = 0; part < 4; part++) forward(x + part * quarter, n / 4, stride * 4, twiddles)
    return
  }
  let size = n
  for (; size >= 4; size /= 4) {
    const block = <usize>size * POINT
    for (let at: usize = 0; at < <usize>n * POINT; at += block) split(x + at, size, stride, twiddles)
    stride *= 4
  }
  if (size == 2) pairs(x, n)
}

export function inverse(x: usize, n: i32, stride: i32, twiddles: usize): void {
  if (n > SMALL) {
    const quarter = <usize>(n / 4) * POINT
    for (let part: usize = 0; part < 4; part++) inverse(x + part * quarter, n / 4, stride * 4, twiddles)
    join(x, n, stride, twiddles)
    return
  }
  // Blocks of 4, 16 .. n; or of 2 first, then 8, 32 .. n.
  let size = 4
  if ((ctz<i32>(n) & 1) != 0) {
    pairs(x, n)
    size = 8
  }
  for (; size <= n; size *= 4) {
    const block = <usize>size * POINT
    const step = (n / size) * stride
    for (let at: usize = 0; at < <usize>n * POINT; at += block) join(x + at, size, step, twiddles)
  }
}

/** Butterflies of neighbours. */
function pairs(x: usize, n: i32): void {
  for (let at = x; at < x + <usize>n * POINT; at += 2 * POINT) {
    const ar = v128.load(at)
    const ai = v128.load(at, 16)
    const br = v128.load(at, 32)
    const bi = v128.load(at, 48)
    v128.store(at, f32x4.add(ar, br))
    v128.store(at, f32x4.add(ai, bi), 16)
    v128.store(at, f32x4.sub(ar, br), 32)
    v128.store(at, f32x4.sub(ai, bi), 48)
  }
}

/** Two radix-2 stages of a block of n points in one pass. */
function split(x: usize, n: i32, stride: i32, twiddles: usize): void {
  const quarter = <usize>(n / 4) * POINT
  const step = (<usize>stride) << 3
  let w: usize = twiddles
  let w2: usize = twiddles
  let w3: usize = twiddles
  const end = x + quarter
  for (let a = x; a < end; a += POINT) {
    const b = a + quarter
    const c = b + quarter
    const d = c + quarter
    const ar = v128.load(a)
    const ai = v128.load(a, 16)
    const br = v128.load(b)
    const bi = v128.load(b, 16)
    const cr = v128.load(c)
    const ci = v128.load(c, 16)
    const dr = v128.load(d)
    const di = v128.load(d, 16)
    const acr = f32x4.add(ar, cr)
    const aci = f32x4.add(ai, ci)
    const bdr = f32x4.add(br, dr)
    const bdi = f32x4.add(bi, di)
    const pr = f32x4.sub(ar, cr)
    const pi = f32x4.sub(ai, ci)
    const qr = f32x4.sub(br, dr)
    const qi = f32x4.sub(bi, di)
    v128.store(a, f32x4.add(acr, bdr))
    v128.store(a, f32x4.add(aci, bdi), 16)
    rotate(b, f32x4.sub(acr, bdr), f32x4.sub(aci, bdi), w2)
    // p - i q, p + i q
    rotate(c, f32x4.add(pr, qi), f32x4.sub(pi, qr), w)
    rotate(d, f32x4.sub(pr, qi), f32x4.add(pi, qr), w3)
    w += step
    w2 += 2 * step
    w3 += 3 * step
  }
}

/** The inverse of `split`, times four. */
function join(x: usize, n: i32, stride: i32, twiddles: usize): void {
  const quarter = <usize>(n / 4) * POINT
  const step = (<usize>stride) << 3
  let w: usize = twiddles
  let w2: usize = twiddles
  let w3: usize = twiddles
  const end = x + quarter
  for (let a = x; a < end; a += POINT) {
    const b = a + quarter
    const c = b + quarter
    const d = c + quarter
    const ar = v128.load(a)
    const ai = v128.load(a, 16)
    const br = backRe(b, w2)
    const bi = backIm(b, w2)
    const cr = backRe(c, w)
    const ci = backIm(c, w)
    const dr = backRe(d, w3)
    const di = backIm(d, w3)
    const acr = f32x4.add(ar, br)
    const aci = f32x4.add(ai, bi)
    const bdr = f32x4.sub(ar, br)
    const bdi = f32x4.sub(ai, bi)
    const pr = f32x4.add(cr, dr)
    const pi = f32x4.add(ci, di)
    // i (c - d)
    const qr = f32x4.sub(di, ci)
    const qi = f32x4.sub(cr, dr)
    v128.store(a, f32x4.add(acr, pr))
    v128.store(a, f32x4.add(aci, pi), 16)
    v128.store(b, f32x4.add(bdr, qr))
    v128.store(b, f32x4.add(bdi, qi), 16)
    v128.store(c, f32x4.sub(acr, pr))
    v128.store(c, f32x4.sub(aci, pi), 16)
    v128.store(d, f32x4.sub(bdr, qr))
    v128.store(d, f32x4.sub(bdi, qi), 16)
    w += step
    w2 += 2 * step
    w3 += 3 * step
  }
}

/** Stores (re + i im) w. */
function rotate(to: usize, re: v128, im: v128, w: usize): void {
  const wr = v128.load32_splat(w)
  const wi = v128.load32_splat(w, 4)
  v128.store(to, f32x4.sub(f32x4.mul(re, wr), f32x4.mul(im, wi)))
  v128.store(to, fma(re, wi, f32x4.mul(im, wr)), 16)
}

/** The point at x times conj(w). */
function backRe(x: usize, w: usize): v128 {
  return fma(v128.load(x), v128.load32_splat(w), f32x4.mul(v128.load(x, 16), v128.load32_splat(w, 4)))
}

function backIm(x: usize, w: usize): v128 {
  return f32x4.sub(
    f32x4.mul(v128.load(x, 16), v128.load32_splat(w)),
    f32x4.mul(v128.load(x), v128.load32_splat(w, 4)),
  )
}
