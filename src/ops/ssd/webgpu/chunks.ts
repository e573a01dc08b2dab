/** The kernels that forward and backward share: decays, scores, states of chunks and their carry. */
import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { activationPart } from '../../parts/activation.ts'
import { deltaRange, type SsdSizes } from '../shapes.ts'
import type { SsdInputs, SsdParams } from '../types.ts'
import { decaysPart, productParts, SIZES } from './parts.ts'

const WORKGROUP = 256

/** decays [2, B, H, L]: s and e = exp(s A), 0 at a reset. A thread for each (b, l, h). */
const ssdDecays = defineKernel({
  name: 'ssdDecays',
  bindings: { delta: 'f32 view', deltaBias: 'f32?', A: 'f32', reset: 'i32?', decays: 'f32 rw' },
  uniforms: { ...SIZES, deltaMin: 'f32', deltaMax: 'f32' },
  constants: { WORKGROUP: 'u32', DT_SOFTPLUS: 'bool' },
  parts: [activationPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      let size = u.batch * u.length * u.heads;
      if (i >= size) { return; }
      let h = i % u.heads;
      let row = i / u.heads;
      var s = delta[u.deltaOffset + row * u.deltaStride + h];
      if (HAS_DELTA_BIAS) { s += deltaBias[h]; }
      if (DT_SOFTPLUS) { s = softplus(s); }
      s = clamp(s, u.deltaMin, u.deltaMax);
      var e = expOf(s * A[h]);
      if (HAS_RESET) { e = select(0.0, e, reset[row] == 0); }
      let at = ((row / u.length) * u.heads + h) * u.length + row % u.length;
      decays[at] = s;
      decays[size + at] = e;
    }`,
})

/** scores [B, chunks, G, Q, Q] = C[l] · B[s] for s <= l, else 0. */
const ssdScores = defineKernel({
  name: 'ssdScores',
  bindings: { B: 'f32 view', C: 'f32 view', scores: 'f32 rw' },
  uniforms: SIZES,
  constants: {},
  parts: [...productParts],
  body: /* wgsl */ `
    var<private> row: u32;
    var<private> size: u32;
    var<private> column: u32;

    fn left(phase: u32, l: u32, n: u32) -> f32 {
      if (l >= size || n >= u.stateSize) { return 0.0; }
      return C[u.COffset + (row + l) * u.CStride + column + n];
    }

    fn right(phase: u32, n: u32, s: u32) -> f32 {
      if (s >= size || n >= u.stateSize) { return 0.0; }
      return B[u.BOffset + (row + s) * u.BStride + column + n];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(group);
      if (item >= u.batch * u.chunks * u.groups) { return; }
      let c = (item / u.groups) % u.chunks;
      row = (item / u.groups / u.chunks) * u.length + c * u.chunk;
      size = min(u.chunk, u.length - c * u.chunk);
      column = (item % u.groups) * u.stateSize;
      product(0u, u.stateSize, true, true, local);
      let l = 4u * (local / 16u);
      let s = 4u * (local % 16u);
      keep(item, l, s, sum0);
      keep(item, l + 1u, s, sum1);
      keep(item, l + 2u, s, sum2);
      keep(item, l + 3u, s, sum3);
    }

    fn keep(item: u32, l: u32, first: u32, sum: vec4f) {
      for (var j = 0u; j < 4u; j++) {
        let s = first + j;
        if (l < u.chunk && s < u.chunk) {
          scores[(item * u.chunk + l) * u.chunk + s] = select(0.0, sum[j], s <= l && l < size);
        }
      }
    }`,
})

/**
 * What a chunk adds to the state, [B, slots, H, P, N]: Σ_t decayEnd[t] s[t] x[t] ⊗ B[t]; and through [B,
 * chunks, H], the decay across it. REVERSE: what its outputs add to the gradient of the state before it, Σ_t
 * decayIn[t] dy[t] ⊗ C[t].
 */
const ssdChunkStates = defineKernel({
  name: 'ssdChunkStates',
  bindings: { rows: 'f32 view', columns: 'f32 view', decays: 'f32', states: 'f32 rw', through: 'f32? rw' },
  uniforms: { ...SIZES, slots: 'u32' },
  constants: { REVERSE: 'bool' },
  parts: [decaysPart, ...productParts],
  body: /* wgsl */ `
    var<private> row: u32;
    var<private> size: u32;
    var<private> p0: u32;
    var<private> n0: u32;
    var<private> rowsColumn: u32;
    var<private> columnsColumn: u32;

    fn left(phase: u32, p: u32, t: u32) -> f32 {
      if (t >= size || p0 + p >= u.headDim) { return 0.0; }
      return steps[t] * rows[u.rowsOffset + (row + t) * u.rowsStride + rowsColumn + p];
    }

    fn right(phase: u32, t: u32, n: u32) -> f32 {
      if (t >= size || n0 + n >= u.stateSize) { return 0.0; }
      return columns[u.columnsOffset + (row + t) * u.columnsStride + columnsColumn + n];
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let pBlocks = (u.headDim + 63u) / 64u;
      let nBlocks = (u.stateSize + 63u) / 64u;
      let tile = flatGroup(group);
      let item = tile / (pBlocks * nBlocks);
      if (item >= u.batch * u.chunks * u.heads) { return; }
      let h = item % u.heads;
      let c = (item / u.heads) % u.chunks;
      let b = item / u.heads / u.chunks;
      row = b * u.length + c * u.chunk;
      size = min(u.chunk, u.length - c * u.chunk);
      p0 = 64u * ((tile / nBlocks) % pBlocks);
      n0 = 64u * (tile % nBlocks);
      rowsColumn = h * u.headDim + p0;
      columnsColumn = (h / (u.heads / u.groups)) * u.stateSize + n0;
      loadDecays((b * u.heads + h) * u.length + c * u.chunk, size, local);
      if (local < MOST_TOKENS) {
        steps[local] = select(steps[local] * decayEnd(local), decayIn(local), REVERSE);
        if (HAS_THROUGH && local == 0u) { through[item] = decayIn(MOST_TOKENS - 1u); }
      }
      workgroupBarrier();
      product(0u, u.chunk, false, false, local);
      let stateAt = ((b * u.slots + c) * u.heads + h) * u.headDim;
      let p = p0 + 4u * (local / 16u);
      let n = n0 + 4u * (local % 16u);
      keep(stateAt, p, n, sum0);
      keep(stateAt, p + 1u, n, sum1);
      keep(stateAt, p + 2u, n, sum2);
      keep(stateAt, p + 3u, n, sum3);
    }

    fn keep(stateAt: u32, p: u32, n: u32, sum: vec4f) {
      for (var j = 0u; j < 4u; j++) {
        if (p < u.headDim && n + j < u.stateSize) { states[(stateAt + p) * u.stateSize + n + j] = sum[j]; }
      }
    }`,
})

/**
 * Carries the state across chunks: states [B, slots, H, P, N] come as what each chunk adds and become the
 * states before the chunks; a slot after the last takes the final one. REVERSE: from the last chunk to the
 * first. A thread for each number.
 */
const ssdCarry = defineKernel({
  name: 'ssdCarry',
  bindings: { states: 'f32 rw', through: 'f32', first: 'f32?', last: 'f32? rw' },
  uniforms: { ...SIZES, slots: 'u32' },
  constants: { WORKGROUP: 'u32', REVERSE: 'bool' },
  body: /* wgsl */ `
    fn chunkAt(step: u32) -> u32 { return select(step, u.chunks - 1u - step, REVERSE); }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      let size = u.heads * u.headDim * u.stateSize;
      if (i >= u.batch * size) { return; }
      let b = i / size;
      let within = i % size;
      let h = within / (u.headDim * u.stateSize);
      var carried = 0.0;
      if (HAS_FIRST) { carried = first[i]; }
      // Eight chunks are read before the first of them is written: a read after a write would wait for it.
      for (var start = 0u; start < u.chunks; start += 8u) {
        var added: array<f32, 8>;
        var kept: array<f32, 8>;
        for (var i = 0u; i < 8u; i++) {
          let c = chunkAt(min(start + i, u.chunks - 1u));
          added[i] = states[(b * u.slots + c) * size + within];
          kept[i] = through[(b * u.chunks + c) * u.heads + h];
        }
        for (var i = 0u; i < 8u; i++) {
          if (start + i >= u.chunks) { break; }
          states[(b * u.slots + chunkAt(start + i)) * size + within] = carried;
          carried = kept[i] * carried + added[i];
        }
      }
      if (u.slots > u.chunks) { states[(b * u.slots + u.chunks) * size + within] = carried; }
      if (HAS_LAST) { last[i] = carried; }
    }`,
})

export function decaysAndScores(
  { delta, A, B, C, deltaBias, reset }: SsdInputs,
  params: SsdParams,
  sizes: SsdSizes,
  { decays, scores }: { readonly decays: Tensor; readonly scores: Tensor },
): WebGpuLaunch[] {
  return [
    launch(ssdDecays, {
      bindings: { delta, deltaBias, A, reset, decays },
      uniforms: { ...sizes, ...deltaRange(params) },
      constants: { WORKGROUP, DT_SOFTPLUS: params.deltaSoftplus },
      grid: gridOf(delta.size, WORKGROUP),
    }),
    launch(ssdScores, {
      bindings: { B, C, scores },
      uniforms: sizes,
      constants: {},
      grid: gridOf(sizes.batch * sizes.chunks * sizes.groups, 1),
    }),
  ]
}

/** Tiles of 64 x 64 of a state. */
const stateTiles = ({ headDim, stateSize }: SsdSizes): number =>
  Math.ceil(headDim / 64) * Math.ceil(stateSize / 64)

/**
 * states [B, slots, H, P, N] before the chunks (and after the last, with a slot more), from x and B; through
 * is made.
 */
export function statesBefore(
  x: Tensor,
  B: Tensor,
  sizes: SsdSizes,
  tensors: {
    readonly decays: Tensor
    readonly states: Tensor
    readonly through: Tensor
    readonly first?: Tensor | undefined
    readonly last?: Tensor | undefined
  },
): WebGpuLaunch[] {
  return chunkStates(x, B, sizes, tensors, false)
}

/** Gradients of the states after the chunks, from dy and C; through is read. */
export function gradientsAfter(
  dy: Tensor,
  C: Tensor,
  sizes: SsdSizes,
  tensors: Parameters<typeof statesBefore>[3],
): WebGpuLaunch[] {
  return chunkStates(dy, C, sizes, tensors, true)
}

function chunkStates(
  rows: Tensor,
  columns: Tensor,
  sizes: SsdSizes,
  { decays, states, through, first, last }: Parameters<typeof statesBefore>[3],
  reverse: boolean,
): WebGpuLaunch[] {
  const { batch, chunks, heads, headDim, stateSize } = sizes
  const uniforms = { ...sizes, slots: states.shape[1] }
  return [
    launch(ssdChunkStates, {
      bindings: { rows, columns, decays, states, through: reverse ? undefined : through },
      uniforms,
      constants: { REVERSE: reverse },
      grid: gridOf(batch * chunks * heads * stateTiles(sizes), 1),
    }),
    launch(ssdCarry, {
      bindings: { states, through, first, last },
      uniforms,
      constants: { WORKGROUP, REVERSE: reverse },
      grid: gridOf(batch * heads * headDim * stateSize, WORKGROUP),
    }),
  ]
}
