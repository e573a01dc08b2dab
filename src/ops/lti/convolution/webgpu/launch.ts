/**
 * FFT of pairs of channels: two real sequences make a complex one. Spectra are [batch, points, 2, pairs]: channel p is
 * the real part of pair p, channel p + pairs the imaginary one.
 *
 * Forward goes from natural to bit-reversed order (decimation in frequency), inverse the other way, and spectra are
 * multiplied as they lie. The position of the frequency -k is that of k with all bits below its highest one flipped.
 */
import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../../tensor/tensor.ts'
import { COMPLEX, WAVES } from '../../webgpu/wgsl.ts'
import type { Call } from '../../../operation.ts'
import { pointsFor } from '../points.ts'
import type { FftConvolutionBackward } from '../op.ts'
import type { FftConvolutionInputs, FftConvolutionOutputs } from '../types.ts'

const WORKGROUP = 256
/** Points of a transform that is done in workgroup memory, as a power of two; longer ones take several passes. */
const MOST_BITS = 8
/** Points in workgroup memory, as a power of two: 16 KB. */
const TILE_BITS = 11

/** twiddles [points, 2]: e^(-2 π i k / points) */
const fftTwiddles = defineKernel({
  name: 'fftTwiddles',
  bindings: { twiddles: 'f32 rw' },
  uniforms: { points: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `${WAVES}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let k = flatGroup(group) * WORKGROUP + local;
      if (k >= u.points) { return; }
      let w = wave(-f32(k) / f32(u.points));
      twiddles[2 * k] = w.x;
      twiddles[2 * k + 1] = w.y;
    }`,
})

/**
 * One pass: of each block of 2^sizeBits points, the transforms of 2^radixBits points that lie equally far apart in it; in
 * place, as many side by side as workgroup memory holds. The first pass reads real numbers, the last inverse one writes
 * them: [C, L] if `columns`, else [B, L, C]. All sizes are powers of two and uniforms: few pipelines do for all lengths.
 */
const fftPass = defineKernel({
  name: 'fftPass',
  bindings: { source: 'f32?', spectra: 'f32 rw', result: 'f32? rw', twiddles: 'f32' },
  uniforms: {
    length: 'u32',
    channels: 'u32',
    pairs: 'u32',
    items: 'u32',
    pointsBits: 'u32',
    sizeBits: 'u32',
    radixBits: 'u32',
    lanesBits: 'u32',
    columns: 'u32',
  },
  constants: { WORKGROUP: 'u32', TILE: 'u32', INVERSE: 'bool' },
  body: /* wgsl */ `${COMPLEX}
    var<workgroup> tile: array<vec2f, TILE>;

    struct Place { b: u32, pair: u32, q: u32, base: u32 }

    /** Of a transform: sequence, pair of channels, place in its block, and first point. */
    fn placeOf(item: u32) -> Place {
      let apartBits = u.sizeBits - u.radixBits;
      let transform = item / u.pairs;
      let q = transform & ((1u << apartBits) - 1);
      let point = ((transform >> apartBits) << u.sizeBits) + q;
      return Place(point >> u.pointsBits, item % u.pairs, q, point & ((1u << u.pointsBits) - 1));
    }

    /** Where a real number stands. */
    fn realAt(b: u32, t: u32, c: u32) -> u32 {
      return select((b * u.length + t) * u.channels + c, c * u.length + t, u.columns != 0);
    }

    fn fetch(place: Place, t: u32) -> vec2f {
      var value = vec2f();
      if (HAS_SOURCE) {
        if (t < u.length) {
          value.x = source[realAt(place.b, t, place.pair)];
          let other = place.pair + u.pairs;
          if (other < u.channels) { value.y = source[realAt(place.b, t, other)]; }
        }
      } else {
        let at = ((place.b << u.pointsBits) + t) * 2 * u.pairs + place.pair;
        value = vec2f(spectra[at], spectra[at + u.pairs]);
      }
      return value;
    }

    fn put(place: Place, t: u32, value: vec2f) {
      if (HAS_RESULT) {
        if (t >= u.length) { return; }
        let factor = 1 / f32(1u << u.pointsBits);
        result[realAt(place.b, t, place.pair)] = factor * value.x;
        let other = place.pair + u.pairs;
        if (other < u.channels) { result[realAt(place.b, t, other)] = factor * value.y; }
      } else {
        let at = ((place.b << u.pointsBits) + t) * 2 * u.pairs + place.pair;
        spectra[at] = value.x;
        spectra[at + u.pairs] = value.y;
      }
    }

    /** e^(-2 π i k / 2^bits), or its conjugate if INVERSE */
    fn twiddle(k: u32, bits: u32) -> vec2f {
      let at = k << (u.pointsBits - bits + 1);
      return vec2f(twiddles[at], select(twiddles[at + 1], -twiddles[at + 1], INVERSE));
    }
    /** i a */
    fn turned(a: vec2f) -> vec2f { return vec2f(-a.y, a.x); }

    /** What place s of a transform has to be turned by between two passes. */
    fn between(place: Place, s: u32) -> vec2f {
      return twiddle(place.q * (reverseBits(s) >> (32 - u.radixBits)), u.sizeBits);
    }

    /** Two stages of radix 2, of blocks of 2^bits in the tile. */
    fn quarters(bits: u32, local: u32) {
      let apart = 1u << (bits - 2 + u.lanesBits);
      for (var e = local; e < 1u << (u.radixBits + u.lanesBits - 2); e += WORKGROUP) {
        let i = e >> u.lanesBits;
        let k = i & ((1u << (bits - 2)) - 1);
        let a = ((((i >> (bits - 2)) << bits) + k) << u.lanesBits) + (e & ((1u << u.lanesBits) - 1));
        let b = a + apart;
        let c = b + apart;
        let d = c + apart;
        var x = tile[a];
        var y = tile[b];
        var z = tile[c];
        var w = tile[d];
        if (INVERSE) {
          y = times(y, twiddle(2 * k, bits));
          z = times(z, twiddle(k, bits));
          w = times(w, twiddle(3 * k, bits));
          let p = z + w;
          let q = turned(z - w);
          tile[a] = x + y + p;
          tile[b] = x - y + q;
          tile[c] = x + y - p;
          tile[d] = x - y - q;
        } else {
          let p = x - z;
          let q = turned(y - w);
          tile[a] = x + z + (y + w);
          tile[b] = times(x + z - (y + w), twiddle(2 * k, bits));
          tile[c] = times(p - q, twiddle(k, bits));
          tile[d] = times(p + q, twiddle(3 * k, bits));
        }
      }
    }

    /** One stage of radix 2 between neighbours. */
    fn halves(local: u32) {
      for (var e = local; e < 1u << (u.radixBits + u.lanesBits - 1); e += WORKGROUP) {
        let a = ((e >> u.lanesBits) << (u.lanesBits + 1)) + (e & ((1u << u.lanesBits) - 1));
        let b = a + (1u << u.lanesBits);
        let sum = tile[a] + tile[b];
        tile[b] = tile[a] - tile[b];
        tile[a] = sum;
      }
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let first = flatGroup(group) << u.lanesBits;
      let lanes = (1u << u.lanesBits) - 1;
      let all = 1u << (u.radixBits + u.lanesBits);
      let apartBits = u.sizeBits - u.radixBits;
      for (var e = local; e < all; e += WORKGROUP) {
        let item = first + (e & lanes);
        if (item >= u.items) { continue; }
        let place = placeOf(item);
        let s = e >> u.lanesBits;
        var value = fetch(place, place.base + (s << apartBits));
        if (INVERSE && apartBits > 0) { value = times(value, between(place, s)); }
        tile[e] = value;
      }
      workgroupBarrier();
      // Blocks of 2 (if the stages are odd in number) and of 4 times as many each, from there or down to there.
      let odd = u.radixBits & 1;
      if (INVERSE && odd == 1) { halves(local); }
      workgroupBarrier();
      for (var stage = 2 + odd; stage <= u.radixBits; stage += 2) {
        quarters(select(u.radixBits + 2 + odd - stage, stage, INVERSE), local);
        workgroupBarrier();
      }
      if (!INVERSE && odd == 1) { halves(local); }
      workgroupBarrier();
      for (var e = local; e < all; e += WORKGROUP) {
        let item = first + (e & lanes);
        if (item >= u.items) { continue; }
        let place = placeOf(item);
        let s = e >> u.lanesBits;
        var value = tile[e];
        if (!INVERSE && apartBits > 0) { value = times(value, between(place, s)); }
        put(place, place.base + (s << apartBits), value);
      }
    }`,
})

/** What both products do with the spectra X and K of pairs: taken apart into those of real sequences, and put together. */
const PRODUCT = /* wgsl */ `${COMPLEX}
    fn mirrorOf(at: u32) -> u32 {
      if (at == 0) { return 0; }
      return at ^ ((1u << firstLeadingBit(at)) - 1);
    }

    /** x k or x conj(k), at k and -k. */
    fn product(x: vec2f, xMirror: vec2f, k: vec2f, kMirror: vec2f, adjoint: bool) -> vec4f {
      let x0 = 0.5 * (x + conjugate(xMirror));
      let x1 = 0.5 * (x - conjugate(xMirror));
      var k0 = 0.5 * (k + conjugate(kMirror));
      var k1 = 0.5 * vec2f(k.y + kMirror.y, kMirror.x - k.x);
      if (adjoint) {
        k0 = conjugate(k0);
        k1 = conjugate(k1);
      }
      // x1 is i times the second sequence's: so is its product.
      let y0 = times(x0, k0);
      let y1 = times(x1, k1);
      return vec4f(y0 + y1, conjugate(y0 - y1));
    }
`

/** spectra [B, ...] times those of the kernel, in place. */
const fftMultiply = defineKernel({
  name: 'fftMultiply',
  bindings: { spectra: 'f32 rw', kernelSpectra: 'f32' },
  uniforms: { batch: 'u32', pairs: 'u32', points: 'u32' },
  constants: { WORKGROUP: 'u32', ADJOINT: 'bool' },
  body: /* wgsl */ `${PRODUCT}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.batch * u.points * u.pairs) { return; }
      let pair = i % u.pairs;
      let at = (i / u.pairs) % u.points;
      let mirror = mirrorOf(at);
      if (mirror < at) { return; }
      let b = i / u.pairs / u.points;
      let k = at * 2 * u.pairs + pair;
      let m = mirror * 2 * u.pairs + pair;
      let shift = b * u.points * 2 * u.pairs;
      let y = product(
        vec2f(spectra[shift + k], spectra[shift + k + u.pairs]),
        vec2f(spectra[shift + m], spectra[shift + m + u.pairs]),
        vec2f(kernelSpectra[k], kernelSpectra[k + u.pairs]),
        vec2f(kernelSpectra[m], kernelSpectra[m + u.pairs]),
        ADJOINT,
      );
      spectra[shift + k] = y.x;
      spectra[shift + k + u.pairs] = y.y;
      if (m == k) { return; }
      spectra[shift + m] = y.z;
      spectra[shift + m + u.pairs] = y.w;
    }`,
})

/** sums [1, ...]: spectra of dy times conj(those of u), summed over the batch. */
const fftCorrelate = defineKernel({
  name: 'fftCorrelate',
  bindings: { uSpectra: 'f32', dySpectra: 'f32', sums: 'f32 rw' },
  uniforms: { batch: 'u32', pairs: 'u32', points: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `${PRODUCT}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.points * u.pairs) { return; }
      let pair = i % u.pairs;
      let at = i / u.pairs;
      let mirror = mirrorOf(at);
      if (mirror < at) { return; }
      var sum = vec4f();
      for (var b = 0u; b < u.batch; b++) {
        let k = (b * u.points + at) * 2 * u.pairs + pair;
        let m = (b * u.points + mirror) * 2 * u.pairs + pair;
        sum += product(
          vec2f(dySpectra[k], dySpectra[k + u.pairs]),
          vec2f(dySpectra[m], dySpectra[m + u.pairs]),
          vec2f(uSpectra[k], uSpectra[k + u.pairs]),
          vec2f(uSpectra[m], uSpectra[m + u.pairs]),
          true,
        );
      }
      let k = at * 2 * u.pairs + pair;
      let m = mirror * 2 * u.pairs + pair;
      sums[k] = sum.x;
      sums[k + u.pairs] = sum.y;
      if (m == k) { return; }
      sums[m] = sum.z;
      sums[m + u.pairs] = sum.w;
    }`,
})

interface Sizes {
  readonly batch: number
  readonly length: number
  readonly channels: number
  readonly pairs: number
  readonly points: number
}

/** The whole transform of `source` into `spectra`, or of these back into `result`. */
function transform(
  spectra: Tensor,
  twiddles: Tensor,
  { source, result, columns = false }: { source?: Tensor; result?: Tensor; columns?: boolean },
  { batch, length, channels, pairs, points }: Sizes,
): WebGpuLaunch[] {
  const pointsBits = Math.log2(points)
  const passes = Math.ceil(pointsBits / MOST_BITS)
  const list: WebGpuLaunch[] = []
  let sizeBits = pointsBits
  for (let pass = 0; pass < passes; pass++) {
    const radixBits = Math.ceil(sizeBits / (passes - pass))
    const lanesBits = TILE_BITS - radixBits
    const items = (batch * points * pairs) / 2 ** radixBits
    const first = pass === 0
    list.push(
      launch(fftPass, {
        bindings: {
          source: first ? source : undefined,
          spectra,
          result: first ? result : undefined,
          twiddles,
        },
        uniforms: {
          length,
          channels,
          pairs,
          items,
          pointsBits,
          sizeBits,
          radixBits,
          lanesBits,
          columns: columns ? 1 : 0,
        },
        constants: { WORKGROUP, TILE: 2 ** TILE_BITS, INVERSE: result !== undefined },
        grid: gridOf(items, 2 ** lanesBits),
      }),
    )
    sizeBits -= radixBits
  }
  return result ? list.toReversed() : list
}

function multiply(
  spectra: Tensor,
  kernelSpectra: Tensor,
  { batch, pairs, points }: Sizes,
  adjoint: boolean,
): WebGpuLaunch {
  return launch(fftMultiply, {
    bindings: { spectra, kernelSpectra },
    uniforms: { batch, pairs, points },
    constants: { WORKGROUP, ADJOINT: adjoint },
    grid: gridOf(batch * points * pairs, WORKGROUP),
  })
}

function sizesOf(u: Tensor): Sizes {
  const [batch, length, channels] = u.shape as [number, number, number]
  return { batch, length, channels, pairs: Math.ceil(channels / 2), points: pointsFor(length) }
}

export function fftConvolution({
  inputs: { u, kernel },
  outputs: { y },
  scratch,
}: Call<FftConvolutionInputs, FftConvolutionOutputs, object>): WebGpuLaunch[] {
  const sizes = sizesOf(u)
  const { batch, points, pairs } = sizes
  const twiddles = scratch([points, 2])
  const spectra = scratch([batch, points, 2, pairs])
  const kernelSpectra = scratch([points, 2, pairs])
  return [
    launch(fftTwiddles, {
      bindings: { twiddles },
      uniforms: { points },
      constants: { WORKGROUP },
      grid: gridOf(points, WORKGROUP),
    }),
    ...transform(spectra, twiddles, { source: u }, sizes),
    ...transform(kernelSpectra, twiddles, { source: kernel, columns: true }, { ...sizes, batch: 1 }),
    multiply(spectra, kernelSpectra, sizes, false),
    ...transform(spectra, twiddles, { result: y }, sizes),
  ]
}

export function fftConvolutionBackward({
  inputs: { u, kernel, dy },
  outputs: { du, dKernel },
  scratch,
}: FftConvolutionBackward): WebGpuLaunch[] {
  const sizes = sizesOf(u)
  const { batch, points, pairs } = sizes
  const twiddles = scratch([points, 2])
  const uSpectra = scratch([batch, points, 2, pairs])
  const dySpectra = scratch([batch, points, 2, pairs])
  const sums = scratch([points, 2, pairs])
  const kernelSpectra = scratch([points, 2, pairs])
  const one = { ...sizes, batch: 1 }
  return [
    launch(fftTwiddles, {
      bindings: { twiddles },
      uniforms: { points },
      constants: { WORKGROUP },
      grid: gridOf(points, WORKGROUP),
    }),
    ...transform(uSpectra, twiddles, { source: u }, sizes),
    ...transform(dySpectra, twiddles, { source: dy }, sizes),
    launch(fftCorrelate, {
      bindings: { uSpectra, dySpectra, sums },
      uniforms: { batch, pairs, points },
      constants: { WORKGROUP },
      grid: gridOf(points * pairs, WORKGROUP),
    }),
    ...transform(sums, twiddles, { result: dKernel, columns: true }, one),
    ...transform(kernelSpectra, twiddles, { source: kernel, columns: true }, one),
    multiply(dySpectra, kernelSpectra, sizes, true),
    ...transform(dySpectra, twiddles, { result: du }, sizes),
  ]
}
