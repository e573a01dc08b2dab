/**
 * FFT of eight channels at once: two real sequences make a complex one, four of these fill the lanes of a vector. A point
 * is [re: channels c..c+3, im: channels c+4..c+7].
 *
 * Forward goes from natural to bit-reversed order (decimation in frequency), inverse the other way, and spectra are
 * multiplied as they lie: nothing is reordered. The position of the frequency -k is that of k with all bits below its
 * highest one flipped.
 */
import { fma } from '../../../../devices/wasm/kernels/math.as.ts'
import { cos64, sin64 } from '../../wasm/float64.as.ts'
import { loadLanes, storeLanes } from '../../wasm/lanes.as.ts'

/** Bytes of a point. */
const POINT: usize = 32
/** Blocks up to this many points are done pass by pass, larger ones part by part, so that parts stay in cache. */
const SMALL: i32 = 512

/** twiddles [points, 2]: e^(-2 π i k / points). Items: points. */
export function fftTwiddles(twiddles: usize, points: i32, begin: i32, end: i32): void {
  for (let k = begin; k < end; k++) {
    const angle = (-6.283185307179586 * <f64>k) / <f64>points
    store<f32>(twiddles + ((<usize>k) << 3), <f32>cos64(angle))
    store<f32>(twiddles + ((<usize>k) << 3), <f32>sin64(angle), 4)
  }
}

/** spectra [B, C/8, points, 8] of x [B, L, C]. Items: groups of eight channels of a sequence. */
export function fftRows(
  x: usize,
  twiddles: usize,
  spectra: usize,
  length: i32,
  channels: i32,
  points: i32,
  begin: i32,
  end: i32,
): void {
  const groups = (channels + 7) / 8
  for (let item = begin; item < end; item++) {
    const c = (item % groups) * 8
    const count = channels - c
    const spectrum = spectra + <usize>item * <usize>points * POINT
    let from = x + ((<usize>((item / groups) * length * channels + c)) << 2)
    for (let t = 0; t < length; t++) {
      const point = spectrum + <usize>t * POINT
      v128.store(point, loadLanes(from, count))
      v128.store(point, count > 4 ? loadLanes(from + 16, count - 4) : f32x4.splat(0), 16)
      from += (<usize>channels) << 2
    }
    memory.fill(spectrum + <usize>length * POINT, 0, <usize>(points - length) * POINT)
    forward(spectrum, points, 1, twiddles)
  }
}

/** spectra [C/8, points, 8] of kernel [C, L]. Items: groups of eight channels. */
export function fftColumns(
  kernel: usize,
  twiddles: usize,
  spectra: usize,
  length: i32,
  channels: i32,
  points: i32,
  begin: i32,
  end: i32,
): void {
  for (let group = begin; group < end; group++) {
    const spectrum = spectra + <usize>group * <usize>points * POINT
    memory.fill(spectrum, 0, <usize>points * POINT)
    const count = min<i32>(channels - group * 8, 8)
    for (let lane = 0; lane < count; lane++) {
      const from = kernel + ((<usize>((group * 8 + lane) * length)) << 2)
      const to = spectrum + ((<usize>lane) << 2)
      for (let t = 0; t < length; t++) store<f32>(to + <usize>t * POINT, load<f32>(from + ((<usize>t) << 2)))
    }
    forward(spectrum, points, 1, twiddles)
  }
}

/**
 * y [B, L, C], from spectra of the input, which are lost, and of the kernel: the convolution, or the correlation if
 * `adjoint`. Items: groups of eight channels of a sequence.
 */
export function fftApply(
  spectra: usize,
  kernelSpectra: usize,
  twiddles: usize,
  y: usize,
  length: i32,
  channels: i32,
  points: i32,
  adjoint: i32,
  begin: i32,
  end: i32,
): void {
  const groups = (channels + 7) / 8
  const size = <usize>points * POINT
  const factor = f32x4.splat(<f32>1 / <f32>points)
  for (let item = begin; item < end; item++) {
    const group = item % groups
    const c = group * 8
    const count = channels - c
    const x = spectra + <usize>item * size
    const k = kernelSpectra + <usize>group * size
    for (let at = 0; at < points; at++) {
      const mirror = mirrorOf(at)
      if (mirror >= at) multiply(x, k, x, at, mirror, adjoint, 0)
    }
    inverse(x, points, 1, twiddles)
    let to = y + ((<usize>((item / groups) * length * channels + c)) << 2)
    for (let t = 0; t < length; t++) {
      const point = x + <usize>t * POINT
      storeLanes(to, f32x4.mul(factor, v128.load(point)), count)
      if (count > 4) storeLanes(to + 16, f32x4.mul(factor, v128.load(point, 16)), count - 4)
      to += (<usize>channels) << 2
    }
  }
}

/**
 * dKernel [C, L]: the correlation of u with dy, summed over the batch, from their spectra. sums [C/8, points, 8]. Items:
 * groups of eight channels.
 */
export function fftCorrelate(
  uSpectra: usize,
  dySpectra: usize,
  twiddles: usize,
  sums: usize,
  dKernel: usize,
  batch: i32,
  length: i32,
  channels: i32,
  points: i32,
  begin: i32,
  end: i32,
): void {
  const groups = (channels + 7) / 8
  const size = <usize>points * POINT
  const factor: f32 = <f32>1 / <f32>points
  for (let group = begin; group < end; group++) {
    const sum = sums + <usize>group * size
    for (let b = 0; b < batch; b++) {
      const shift = <usize>(b * groups + group) * size
      for (let at = 0; at < points; at++) {
        const mirror = mirrorOf(at)
        if (mirror >= at) multiply(dySpectra + shift, uSpectra + shift, sum, at, mirror, 1, b)
      }
    }
    inverse(sum, points, 1, twiddles)
    const count = min<i32>(channels - group * 8, 8)
    for (let lane = 0; lane < count; lane++) {
      const to = dKernel + ((<usize>((group * 8 + lane) * length)) << 2)
      const from = sum + ((<usize>lane) << 2)
      for (let t = 0; t < length; t++) {
        store<f32>(to + ((<usize>t) << 2), factor * load<f32>(from + <usize>t * POINT))
      }
    }
  }
}

/** Position of -k, where k stands at `at`. */
function mirrorOf(at: i32): i32 {
  return at == 0 ? 0 : at ^ ((1 << (31 - clz<i32>(at))) - 1)
}

/**
 * z = x k, or x conj(k) if `adjoint`, at k and -k: each spectrum is taken apart into those of its two real sequences, X0 and
 * X1 with x = X0 + i X1, these are multiplied, and put together again. Added to z if `add`.
 */
function multiply(x: usize, k: usize, z: usize, at: i32, mirror: i32, adjoint: i32, add: i32): void {
  const p = <usize>at * POINT
  const m = <usize>mirror * POINT
  const half = f32x4.splat(0.5)
  const xr = v128.load(x + p)
  const xi = v128.load(x + p, 16)
  const mr = v128.load(x + m)
  const mi = v128.load(x + m, 16)
  const x0r = f32x4.mul(half, f32x4.add(xr, mr))
  const x0i = f32x4.mul(half, f32x4.sub(xi, mi))
  const x1r = f32x4.mul(half, f32x4.add(xi, mi))
  const x1i = f32x4.mul(half, f32x4.sub(mr, xr))
  const kr = v128.load(k + p)
  const ki = v128.load(k + p, 16)
  const nr = v128.load(k + m)
  const ni = v128.load(k + m, 16)
  const sign = adjoint ? f32x4.splat(-0.5) : half
  const k0r = f32x4.mul(half, f32x4.add(kr, nr))
  const k0i = f32x4.mul(sign, f32x4.sub(ki, ni))
  const k1r = f32x4.mul(half, f32x4.add(ki, ni))
  const k1i = f32x4.mul(sign, f32x4.sub(nr, kr))
  const y0r = f32x4.sub(f32x4.mul(x0r, k0r), f32x4.mul(x0i, k0i))
  const y0i = fma(x0r, k0i, f32x4.mul(x0i, k0r))
  const y1r = f32x4.sub(f32x4.mul(x1r, k1r), f32x4.mul(x1i, k1i))
  const y1i = fma(x1r, k1i, f32x4.mul(x1i, k1r))
  put(z + p, f32x4.sub(y0r, y1i), f32x4.add(y0i, y1r), add)
  if (at != mirror) put(z + m, f32x4.add(y0r, y1i), f32x4.sub(y1r, y0i), add)
}

function put(z: usize, re: v128, im: v128, add: i32): void {
  v128.store(z, add ? f32x4.add(v128.load(z), re) : re)
  v128.store(z, add ? f32x4.add(v128.load(z, 16), im) : im, 16)
}

/** In place; `stride` is how many twiddles one step of this block takes. */
function forward(x: usize, n: i32, stride: i32, twiddles: usize): void {
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

function inverse(x: usize, n: i32, stride: i32, twiddles: usize): void {
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
    turn(b, f32x4.sub(acr, bdr), f32x4.sub(aci, bdi), w2)
    // p - i q, p + i q
    turn(c, f32x4.add(pr, qi), f32x4.sub(pi, qr), w)
    turn(d, f32x4.sub(pr, qi), f32x4.add(pi, qr), w3)
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
function turn(to: usize, re: v128, im: v128, w: usize): void {
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
