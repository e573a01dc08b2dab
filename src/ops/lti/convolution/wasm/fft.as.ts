/** The convolution by FFT of eight channels at once: see transforms.as.ts for how spectra lie. */
import { fma } from '../../../../devices/wasm/kernels/math.as.ts'
import { cos64, sin64 } from '../../wasm/float64.as.ts'
import { loadLanes, storeLanes } from '../../wasm/lanes.as.ts'
import { forward, inverse, POINT } from './transforms.as.ts'

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
 * y [B, L, C], from spectra of the input, which are lost, and of the kernel: the convolution, or the
 * correlation if `adjoint`. Items: groups of eight channels of a sequence.
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
 * dKernel [C, L]: the correlation of u with dy, summed over the batch, from their spectra. sums [C/8, points,
 * 8]. Items: groups of eight channels.
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
 * z = x k, or x conj(k) if `adjoint`, at k and -k: each spectrum is taken apart into those of its two real
 * sequences, X0 and X1 with x = X0 + i X1, these are multiplied, and put together again. Added to z if `add`.
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
