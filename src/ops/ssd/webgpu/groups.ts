/** The gradients of B and C, which the heads of a group share; see wasm/backward.as.ts for the formulas. */
import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { decaysPart, productParts, SIZES } from './parts.ts'

/**
 * dgroups [B, chunks, G, Q, Q] = dscores [B, chunks, H, Q, Q], summed over the heads of a group in their
 * order. A thread a number.
 */
export const ssdGroupScores = defineKernel({
  name: 'ssdGroupScores',
  bindings: { dscores: 'f32', dgroups: 'f32 rw' },
  uniforms: { size: 'u32', heads: 'u32', area: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let first = i / u.area * u.heads * u.area + i % u.area;
      var sum = 0.0;
      for (var h = 0u; h < u.heads; h++) { sum += dscores[first + h * u.area]; }
      dgroups[i] = sum;
    }`,
})

/**
 * dC [B, L, G, N]: Σ over the heads of a group, in their order, of decayIn[l] dy[l] h, then Σ_{s <= l}
 * dgroups[l, s] B[s]; into planes of parts from 1 on, one for each 64 of N, the part of C[l] · dC[l] of each
 * head from its state. REVERSE: dB, of decayEnd[s] s[s] x[s] dh and Σ_{l >= s} dgroups[l, s] C[l]. A
 * workgroup for each (b, chunk, g) and 64 of N.
 */
export const ssdGroupRows = defineKernel({
  name: 'ssdGroupRows',
  bindings: {
    rows: 'f32 view',
    columns: 'f32 view',
    other: 'f32? view',
    decays: 'f32',
    dgroups: 'f32',
    states: 'f32',
    out: 'f32 rw',
    parts: 'f32? rw',
  },
  uniforms: { ...SIZES, slots: 'u32' },
  constants: { REVERSE: 'bool' },
  parts: [decaysPart, ...productParts],
  body: /* wgsl */ `
    const STATE = 0u;
    const CHUNK = 1u;
    var<private> row: u32;
    var<private> size: u32;
    var<private> n0: u32;
    var<private> rowsColumn: u32;
    var<private> columnsColumn: u32;
    var<private> scoreAt: u32;
    var<private> stateAt: u32;

    /** What a row of sums counts, of token t. */
    fn weightOf(t: u32) -> f32 {
      if (REVERSE) { return decayEnd(t) * steps[t]; }
      return decayIn(t);
    }

    /** A thread's part of the product of a row with that of the other matrix. */
    fn meet(t: u32, tx: u32, sum: vec4f) -> f32 {
      var dot = 0.0;
      for (var j = 0u; j < 4u; j++) {
        if (t < size && n0 + tx + j < u.stateSize) {
          dot += sum[j] * other[u.otherOffset + (row + t) * u.otherStride + columnsColumn + tx + j];
        }
      }
      return dot;
    }

    fn write(g: u32, t: u32, tx: u32, sum: vec4f) {
      for (var j = 0u; j < 4u; j++) {
        if (t < size && n0 + tx + j < u.stateSize) { out[((row + t) * u.groups + g) * u.stateSize + n0 + tx + j] = sum[j]; }
      }
    }

    fn left(phase: u32, t: u32, k: u32) -> f32 {
      if (t >= size) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.headDim) { return 0.0; }
        return rows[u.rowsOffset + (row + t) * u.rowsStride + rowsColumn + k];
      }
      if (k >= size) { return 0.0; }
      return dgroups[scoreAt + select(t * u.chunk + k, k * u.chunk + t, REVERSE)];
    }

    fn right(phase: u32, k: u32, n: u32) -> f32 {
      if (n0 + n >= u.stateSize) { return 0.0; }
      if (phase == STATE) {
        if (k >= u.headDim) { return 0.0; }
        return states[stateAt + k * u.stateSize + n0 + n];
      }
      if (k >= size) { return 0.0; }
      return columns[u.columnsOffset + (row + k) * u.columnsStride + columnsColumn + n];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let blocks = (u.stateSize + 63u) / 64u;
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
      columnsColumn = g * u.stateSize + n0;
      scoreAt = item * u.chunk * u.chunk;
      var total0 = vec4f();
      var total1 = vec4f();
      var total2 = vec4f();
      var total3 = vec4f();
      for (var h = g * perGroup; h < (g + 1u) * perGroup; h++) {
        let first = (b * u.heads + h) * u.length + c * u.chunk;
        rowsColumn = h * u.headDim;
        stateAt = ((b * u.slots + c) * u.heads + h) * u.headDim * u.stateSize;
        loadDecays(first, size, local);
        clearSums();
        product(STATE, u.headDim, true, false, local);
        sum0 *= weightOf(ty);
        sum1 *= weightOf(ty + 1u);
        sum2 *= weightOf(ty + 2u);
        sum3 *= weightOf(ty + 3u);
        total0 += sum0;
        total1 += sum1;
        total2 += sum2;
        total3 += sum3;
        if (HAS_PARTS) {
          let dots = vec4f(meet(ty, tx, sum0), meet(ty + 1u, tx, sum1), meet(ty + 2u, tx, sum2), meet(ty + 3u, tx, sum3));
          let sum = rowTotals(dots, local);
          if (local < size) { parts[(1u + tile % blocks) * u.batch * u.heads * u.length + first + local] = sum; }
        }
      }
      clearSums();
      product(CHUNK, u.chunk, !REVERSE, false, local);
      write(g, ty, tx, total0 + sum0);
      write(g, ty + 1u, tx, total1 + sum1);
      write(g, ty + 2u, tx, total2 + sum2);
      write(g, ty + 3u, tx, total3 + sum3);
    }`,
})
