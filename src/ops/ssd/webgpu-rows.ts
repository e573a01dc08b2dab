/** The matrix products of the backward pass; see backward.as.ts for the formulas. */
import { defineKernel } from '../../devices/webgpu/kernel.ts'
import { DECAYS, PRODUCT, SIZES } from './wgsl.ts'

/**
 * dscores [B, chunks, H, Q, Q] = decay(s, l) s[s] dy[l] · x[s], for each head, and into plane 0 of parts [B, H, L] the part of
 * C[l] · dC[l] from within the chunk, Σ_s scores dscores. A workgroup for each (b, chunk, h).
 */
export const ssdDots = defineKernel({
  name: 'ssdDots',
  bindings: { x: 'f32 view', dy: 'f32', decays: 'f32', scores: 'f32', dscores: 'f32 rw', parts: 'f32 rw' },
  uniforms: SIZES,
  constants: {},
  body:
    DECAYS +
    PRODUCT +
    /* wgsl */ `
    var<private> row: u32;
    var<private> size: u32;
    var<private> column: u32;

    fn left(phase: u32, l: u32, p: u32) -> f32 {
      if (l >= size || p >= u.headWidth) { return 0.0; }
      return dy[(row + l) * u.heads * u.headWidth + column + p];
    }

    fn right(phase: u32, p: u32, s: u32) -> f32 {
      if (s >= size || p >= u.headWidth) { return 0.0; }
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
      column = h * u.headWidth;
      let first = (b * u.heads + h) * u.length + c * u.chunk;
      let scoreAt = ((b * u.chunks + c) * u.groups + g) * u.chunk * u.chunk;
      loadDecays(first, size, local);
      product(0u, u.headWidth, true, true, local);
      var dot = vec4f();
      for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
          let l = 4u * (local / 16u) + i;
          let s = 4u * (local % 16u) + j;
          if (l < u.chunk && s < u.chunk) {
            var d = 0.0;
            if (s <= l && l < size) { d = sums[i][j] * decay(s, l) * steps[s]; }
            dscores[(item * u.chunk + l) * u.chunk + s] = d;
            dot[i] += scores[scoreAt + l * u.chunk + s] * d;
          }
        }
      }
      let sum = rowTotals(dot, local);
      if (local < size) { parts[first + local] = sum; }
    }`,
})

/**
 * dx̄[s] = Σ_{l >= s} scores[l, s] decay(s, l) dy[l] + decayEnd[s] dh B[s]; dx = s dx̄ + D dy; into planes of parts from
 * firstPart on, one for each 64 of P, the part of x · dx̄. A workgroup for each (b, chunk, h) and 64 of P.
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
  body:
    DECAYS +
    PRODUCT +
    /* wgsl */ `
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
        if (k >= u.state) { return 0.0; }
        return B[u.BOffset + (row + s) * u.BStride + bColumn + k];
      }
      if (k < s || k >= size) { return 0.0; }
      return scores[scoreAt + k * u.chunk + s] * decay(s, k);
    }

    fn right(phase: u32, k: u32, p: u32) -> f32 {
      if (p0 + p >= u.headWidth) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.state) { return 0.0; }
        return dstates[stateAt + (p0 + p) * u.state + k];
      }
      if (k >= size) { return 0.0; }
      return dy[(row + k) * u.heads * u.headWidth + column + p];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let blocks = (u.headWidth + 63u) / 64u;
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
      column = h * u.headWidth + p0;
      bColumn = g * u.state;
      scoreAt = ((b * u.chunks + c) * u.groups + g) * u.chunk * u.chunk;
      stateAt = item * u.headWidth * u.state;
      let first = (b * u.heads + h) * u.length + c * u.chunk;
      loadDecays(first, size, local);
      product(STATE, u.state, true, true, local);
      for (var i = 0u; i < 4u; i++) { sums[i] *= decayEnd(4u * (local / 16u) + i); }
      product(CHUNK, u.chunk, false, false, local);
      var dot = vec4f();
      for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
          let s = 4u * (local / 16u) + i;
          let p = 4u * (local % 16u) + j;
          if (s < size && p0 + p < u.headWidth) {
            dot[i] += sums[i][j] * x[u.xOffset + (row + s) * u.xStride + column + p];
            var v = steps[s] * sums[i][j];
            let at = (row + s) * u.heads * u.headWidth + column + p;
            if (HAS_D) { v += D[select(h, column + p, CHANNEL_D)] * dy[at]; }
            dx[at] = v;
          }
        }
      }
      let sum = rowTotals(dot, local);
      if (local < size) { parts[(u.firstPart + tile % blocks) * u.batch * u.heads * u.length + first + local] = sum; }
    }`,
})

/**
 * dC [B, L, G, N]: Σ over the heads of a group, in their order, of decayIn[l] dy[l] h, then Σ_{s <= l} (Σ_heads dscores)[l, s] B[s];
 * into planes of parts from 1 on, one for each 64 of N, the part of C[l] · dC[l] of each head from its state. REVERSE: dB, of
 * decayEnd[s] s[s] x[s] dh and Σ_{l >= s} dscores[l, s] C[l]. A workgroup for each (b, chunk, g) and 64 of N.
 */
export const ssdGroupRows = defineKernel({
  name: 'ssdGroupRows',
  bindings: {
    rows: 'f32 view',
    columns: 'f32 view',
    other: 'f32? view',
    decays: 'f32',
    dscores: 'f32',
    states: 'f32',
    out: 'f32 rw',
    parts: 'f32? rw',
  },
  uniforms: { ...SIZES, slots: 'u32' },
  constants: { REVERSE: 'bool' },
  body:
    DECAYS +
    PRODUCT +
    /* wgsl */ `
    const STATE = 0u;
    const CHUNK = 1u;
    var<private> row: u32;
    var<private> size: u32;
    var<private> n0: u32;
    var<private> rowsColumn: u32;
    var<private> columnsColumn: u32;
    var<private> scoreAt: u32;
    var<private> stateAt: u32;
    var<private> totals: array<vec4f, 4>;

    fn left(phase: u32, t: u32, k: u32) -> f32 {
      if (t >= size) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.headWidth) { return 0.0; }
        return rows[u.rowsOffset + (row + t) * u.rowsStride + rowsColumn + k];
      }
      if (k >= size) { return 0.0; }
      let within = select(t * u.chunk + k, k * u.chunk + t, REVERSE);
      var sum = 0.0;
      for (var i = 0u; i < u.heads / u.groups; i++) { sum += dscores[scoreAt + i * u.chunk * u.chunk + within]; }
      return sum;
    }

    fn right(phase: u32, k: u32, n: u32) -> f32 {
      if (n0 + n >= u.state) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.headWidth) { return 0.0; }
        return states[stateAt + k * u.state + n0 + n];
      }
      if (k >= size) { return 0.0; }
      return columns[u.columnsOffset + (row + k) * u.columnsStride + columnsColumn + n];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let blocks = (u.state + 63u) / 64u;
      let tile = flatGroup(group);
      let item = tile / blocks;
      if (item >= u.batch * u.chunks * u.groups) { return; }
      let g = item % u.groups;
      let c = (item / u.groups) % u.chunks;
      let b = item / u.groups / u.chunks;
      let perGroup = u.heads / u.groups;
      let ty = 4u * (local / 16u);
      let tx = 4u * (local % 16u);
      row = b * u.length + c * u.chunk;
      size = min(u.chunk, u.length - c * u.chunk);
      n0 = 64u * (tile % blocks);
      columnsColumn = g * u.state + n0;
      scoreAt = ((b * u.chunks + c) * u.heads + g * perGroup) * u.chunk * u.chunk;
      for (var h = g * perGroup; h < (g + 1u) * perGroup; h++) {
        let first = (b * u.heads + h) * u.length + c * u.chunk;
        rowsColumn = h * u.headWidth;
        stateAt = ((b * u.slots + c) * u.heads + h) * u.headWidth * u.state;
        loadDecays(first, size, local);
        clearSums();
        product(STATE, u.headWidth, true, false, local);
        var dot = vec4f();
        for (var i = 0u; i < 4u; i++) {
          let t = ty + i;
          if (REVERSE) {
            sums[i] *= decayEnd(t) * steps[t];
          } else {
            sums[i] *= decayIn(t);
            for (var j = 0u; j < 4u; j++) {
              if (t < size && n0 + tx + j < u.state) {
                dot[i] += sums[i][j] * other[u.otherOffset + (row + t) * u.otherStride + columnsColumn + tx + j];
              }
            }
          }
          totals[i] += sums[i];
        }
        if (HAS_PARTS) {
          let sum = rowTotals(dot, local);
          if (local < size) { parts[(1u + tile % blocks) * u.batch * u.heads * u.length + first + local] = sum; }
        }
      }
      clearSums();
      product(CHUNK, u.chunk, !REVERSE, false, local);
      for (var i = 0u; i < 4u; i++) {
        for (var j = 0u; j < 4u; j++) {
          if (ty + i < size && n0 + tx + j < u.state) {
            out[((row + ty + i) * u.groups + g) * u.state + n0 + tx + j] = totals[i][j] + sums[i][j];
          }
        }
      }
    }`,
})
