/**
 * FFT of pairs of channels: two real sequences make a complex one. Spectra are [batch, points, 2, pairs]:
 * channel p is the real part of pair p, channel p + pairs the imaginary one.
 *
 * Forward goes from natural to bit-reversed order (decimation in frequency), inverse the other way, and
 * spectra are multiplied as they lie. The position of the frequency -k is that of k with all bits below its
 * highest one flipped.
 */
import { defineKernel } from '../../../../devices/webgpu/kernel.ts'
import { complexPart, waveParts } from '../../webgpu/parts.ts'

/** twiddles [points, 2]: e^(-2 π i k / points) */
export const fftTwiddles = defineKernel({
  name: 'fftTwiddles',
  bindings: { twiddles: 'f32 rw' },
  uniforms: { points: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [...waveParts],
  body: /* wgsl */ `
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
 * One pass: of each block of 2^sizeBits points, the transforms of 2^radixBits points that lie equally far
 * apart in it; in place, as many side by side as workgroup memory holds. The first pass reads real numbers,
 * the last inverse one writes them: [C, L] if `columns`, else [B, L, C]. All sizes are powers of two and
 * uniforms: few pipelines do for all lengths.
 */
export const fftPass = defineKernel({
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
  parts: [complexPart],
  body: /* wgsl */ `
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
      // Blocks of 2 (if the stages are odd in number) and of 4 times as many each, from there or down to
      // there.
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
