/** The matrix products of the backward pass; see wasm/backward.as.ts for the formulas. */
import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { decaysPart, productParts, SIZES } from './parts.ts'

/**
 * dscores [B, chunks, H, Q, Q] = decay(s, l) s[s] dy[l] · x[s], for each head, and into plane 0 of parts [B,
 * H, L] the part of C[l] · dC[l] from within the chunk, Σ_s scores dscores. A workgroup for each (b, chunk,
 * h).
 */
export const ssdDots = defineKernel({
  name: 'ssdDots',
  bindings: { x: 'f32 view', dy: 'f32', decays: 'f32', scores: 'f32', dscores: 'f32 rw', parts: 'f32 rw' },
  uniforms: SIZES,
  constants: {},
  parts: [decaysPart, ...productParts],
  body: /* wgsl */ `
    var<private> row: u32;
    var<private> size: u32;
    var<private> column: u32;

    fn left(phase: u32, l: u32, p: u32) -> f32 {
      if (l >= size || p >= u.headDim) { return 0.0; }
      return dy[(row + l) * u.heads * u.headDim + column + p];
    }

    fn right(phase: u32, p: u32, s: u32) -> f32 {
      if (s >= size || p >= u.headDim) { return 0.0; }
      return x[u.xOffset + (row + s) * u.xStride + column + p];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(group);
      if (item >= u.batch * u.chunks * u.heads) { return; }
      let h = item % u.heads;
      let g = h / (u.heads / u.groups);
      let c = (item / u.heads) % u.chunks;
      let b = item / u.heads / u.chunks;
      row = b * u.length + c * u.chunk;
      size = min(u.chunk, u.length - c * u.chunk);
      column = h * u.headDim;
      let first = (b * u.heads + h) * u.length + c * u.chunk;
      let scoreAt = ((b * u.chunks + c) * u.groups + g) * u.chunk * u.chunk;
      loadDecays(first, size, local);
      product(0u, u.headDim, true, true, local);
      let l = 4u * (local / 16u);
      let s = 4u * (local % 16u);
      let dots = vec4f(
        keep(item, scoreAt, l, s, sum0),
        keep(item, scoreAt, l + 1u, s, sum1),
        keep(item, scoreAt, l + 2u, s, sum2),
        keep(item, scoreAt, l + 3u, s, sum3));
      let sum = rowTotals(dots, local);
      if (local < size) { parts[first + local] = sum; }
    }

    fn keep(item: u32, scoreAt: u32, l: u32, begin: u32, sum: vec4f) -> f32 {
      var dot = 0.0;
      for (var j = 0u; j < 4u; j++) {
        let s = begin + j;
        if (l < u.chunk && s < u.chunk) {
          var d = 0.0;
          if (s <= l && l < size) { d = sum[j] * decay(s, l) * steps[s]; }
          dscores[(item * u.chunk + l) * u.chunk + s] = d;
          dot += scores[scoreAt + l * u.chunk + s] * d;
        }
      }
      return dot;
    }`,
})

/**
 * dx̄[s] = Σ_{l >= s} scores[l, s] decay(s, l) dy[l] + decayEnd[s] dh B[s]; dx = s dx̄ + D dy; into planes of
 * parts from firstPart on, one for each 64 of P, the part of x · dx̄. A workgroup for each (b, chunk, h) and
 * 64 of P.
 */
export const ssdInputGradient = defineKernel({
  name: 'ssdInputGradient',
  bindings: {
    x: 'f32 view',
    B: 'f32 view',
    D: 'f32?',
    decays: 'f32',
    scores: 'f32',
    dstates: 'f32',
    dy: 'f32',
    dx: 'f32 rw',
    parts: 'f32 rw',
  },
  uniforms: { ...SIZES, firstPart: 'u32' },
  constants: { CHANNEL_D: 'bool' },
  parts: [decaysPart, ...productParts],
  body: /* wgsl */ `
    const STATE = 0u;
    const CHUNK = 1u;
    var<private> row: u32;
    var<private> size: u32;
    var<private> p0: u32;
    var<private> column: u32;
    var<private> bColumn: u32;
    var<private> scoreAt: u32;
    var<private> stateAt: u32;

    fn left(phase: u32, s: u32, k: u32) -> f32 {
      if (s >= size) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.stateSize) { return 0.0; }
        return B[u.BOffset + (row + s) * u.BStride + bColumn + k];
      }
      if (k < s || k >= size) { return 0.0; }
      return scores[scoreAt + k * u.chunk + s] * decay(s, k);
    }

    fn right(phase: u32, k: u32, p: u32) -> f32 {
      if (p0 + p >= u.headDim) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.stateSize) { return 0.0; }
        return dstates[stateAt + (p0 + p) * u.stateSize + k];
      }
      if (k >= size) { return 0.0; }
      return dy[(row + k) * u.heads * u.headDim + column + p];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let blocks = (u.headDim + 63u) / 64u;
      let tile = flatGroup(group);
      let item = tile / blocks;
      if (item >= u.batch * u.chunks * u.heads) { return; }
      let h = item % u.heads;
      let g = h / (u.heads / u.groups);
      let c = (item / u.heads) % u.chunks;
      let b = item / u.heads / u.chunks;
      row = b * u.length + c * u.chunk;
      size = min(u.chunk, u.length - c * u.chunk);
      p0 = 64u * (tile % blocks);
      column = h * u.headDim + p0;
      bColumn = g * u.stateSize;
      scoreAt = ((b * u.chunks + c) * u.groups + g) * u.chunk * u.chunk;
      stateAt = item * u.headDim * u.stateSize;
      let first = (b * u.heads + h) * u.length + c * u.chunk;
      loadDecays(first, size, local);
      product(STATE, u.stateSize, true, true, local);
      let s = 4u * (local / 16u);
      let p = 4u * (local % 16u);
      sum0 *= decayEnd(s);
      sum1 *= decayEnd(s + 1u);
      sum2 *= decayEnd(s + 2u);
      sum3 *= decayEnd(s + 3u);
      product(CHUNK, u.chunk, false, false, local);
      let dots = vec4f(
        write(h, s, p, sum0),
        write(h, s + 1u, p, sum1),
        write(h, s + 2u, p, sum2),
        write(h, s + 3u, p, sum3));
      let sum = rowTotals(dots, local);
      if (local < size) { parts[(u.firstPart + tile % blocks) * u.batch * u.heads * u.length + first + local] = sum; }
    }

    fn write(h: u32, s: u32, begin: u32, sum: vec4f) -> f32 {
      var dot = 0.0;
      for (var j = 0u; j < 4u; j++) {
        let p = begin + j;
        if (s < size && p0 + p < u.headDim) {
          dot += sum[j] * x[u.xOffset + (row + s) * u.xStride + column + p];
          var v = steps[s] * sum[j];
          let at = (row + s) * u.heads * u.headDim + column + p;
          if (HAS_D) { v += D[select(h, column + p, CHANNEL_D)] * dy[at]; }
          dx[at] = v;
        }
      }
      return dot;
    }`,
})
