import type { Operand } from '../../../../devices/device.ts'
import { defineKernel, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import type { Call } from '../../../operation.ts'
import { sizesOf } from '../sizes.ts'
import type { AttentionInputs, AttentionOutputs, AttentionParams } from '../types.ts'
import { attentionPart, cutFor, cutPart, keyTilesPart } from './parts.ts'

/**
 * limits [B, L, 2]: first and last key of each query. One workgroup a batch row, one run of queries a thread.
 */
const attentionLimits = defineKernel({
  name: 'attentionLimits',
  bindings: { past: 'i32?', reset: 'i32', limits: 'i32 rw' },
  uniforms: { length: 'u32', keys: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    // 1 + the last start in the run of each thread, 0 if there is none.
    var<workgroup> starts: array<u32, WORKGROUP>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let b = group.x;
      var before = i32(u.keys) - i32(u.length);
      if (HAS_PAST) { before = past[b]; }
      let run = (u.length + WORKGROUP - 1u) / WORKGROUP;
      let begin = min(local * run, u.length);
      let end = min(begin + run, u.length);
      var start = 0u;
      for (var i = begin; i < end; i++) { if (reset[b * u.length + i] != 0) { start = i + 1u; } }
      starts[local] = start;
      workgroupBarrier();
      start = 0u;
      for (var t = 0u; t < local; t++) { start = max(start, starts[t]); }
      for (var i = begin; i < end; i++) {
        if (reset[b * u.length + i] != 0) { start = i + 1u; }
        let at = 2u * (b * u.length + i);
        limits[at] = select(0, before + i32(start) - 1, start > 0u);
        limits[at + 1u] = before + i32(i);
      }
    }`,
})

/**
 * A thread holds (a part of) one query and its y in registers; keys and values pass by in tiles.
 * Grid: blocks of queries, the last first (they see most keys), heads, batch.
 */
const attentionForward = defineKernel({
  name: 'attention',
  bindings: { q: 'f32 view', k: 'f32 view', v: 'f32 view', limits: 'i32?', y: 'f32 rw', lse: 'f32 rw' },
  uniforms: { length: 'u32', keys: 'u32', blocks: 'u32', heads: 'u32', kvHeads: 'u32', scale: 'f32' },
  constants: { P: 'u32', LIMITS: 'u32', ROWS: 'u32', SPLIT: 'u32', PART: 'u32', TILE: 'u32' },
  parts: [attentionPart, cutPart, keyTilesPart],
  body: /* wgsl */ `
    // Each part's share of the scores [SPLIT, TILE, ROWS].
    var<workgroup> shares: array<f32, select(1u, SPLIT * TILE * ROWS, SPLIT > 1u)>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let b = group.z;
      let h = group.y;
      let hk = h * u.kvHeads / u.heads;
      let row = local % ROWS;
      let part = local / ROWS;
      let top = (u.blocks - 1u - group.x) * ROWS;
      let i = min(top + row, u.length - 1u);
      let seen = keysOf(b, i);
      let lastKey = i32(u.keys) - 1;
      let last = min(keysOf(b, min(top + ROWS, u.length) - 1u).y, lastKey);

      var query: array<vec4f, PART>;
      var sum: array<vec4f, PART>;
      for (var c = 0u; c < PART; c++) { query[c] = u.scale * loadQ(b, i, h, part * PART + c); }
      var largest = -3e38;
      var weight = 0.0;

      for (var start = keysOf(b, top).x; start <= last; start += i32(TILE)) {
        loadKeys(b, hk, start, last, local);
        workgroupBarrier();

        var scores: array<f32, TILE>;
        for (var t = 0u; t < TILE; t++) {
          var product = vec4f();
          for (var c = 0u; c < PART; c++) { product += query[c] * kTile[t * WIDTH + part * PART + c]; }
          scores[t] = (product.x + product.y) + (product.z + product.w);
        }
        if (SPLIT > 1u) {
          for (var t = 0u; t < TILE; t++) { shares[(part * TILE + t) * ROWS + row] = scores[t]; }
          workgroupBarrier();
          for (var t = 0u; t < TILE; t++) {
            var score = 0.0;
            for (var s = 0u; s < SPLIT; s++) { score += shares[(s * TILE + t) * ROWS + row]; }
            scores[t] = score;
          }
        }

        var larger = largest;
        for (var t = 0u; t < TILE; t++) {
          let j = start + i32(t);
          if (j < seen.x || j > min(seen.y, lastKey)) { scores[t] = -3e38; }
          larger = max(larger, scores[t]);
        }
        let shrink = exp(largest - larger);
        largest = larger;
        weight *= shrink;
        for (var c = 0u; c < PART; c++) { sum[c] *= shrink; }
        for (var t = 0u; t < TILE; t++) {
          let p = select(0.0, exp(scores[t] - larger), scores[t] > -3e38);
          weight += p;
          for (var c = 0u; c < PART; c++) { sum[c] += p * vTile[t * WIDTH + part * PART + c]; }
        }
        workgroupBarrier();
      }

      if (top + row >= u.length) { return; }
      let at = (b * u.length + i) * u.heads + h;
      if (part == 0u) { lse[at] = largest + log(weight); }
      for (var c = 0u; c < PART; c++) {
        let value = sum[c] / weight;
        let column = 4u * (part * PART + c);
        for (var e = 0u; e < 4u; e++) { if (column + e < P) { y[at * P + column + e] = value[e]; } }
      }
    }`,
})

/**
 * For few queries (decoding): a workgroup takes one query of one head, BLOCK keys at a time. A thread first
 * makes the score of one key; then threads stand for columns of y, in as many groups as fit, each with its
 * share of the keys.
 */
const attentionFew = defineKernel({
  name: 'attentionFew',
  bindings: { q: 'f32 view', k: 'f32 view', v: 'f32 view', limits: 'i32?', y: 'f32 rw', lse: 'f32 rw' },
  uniforms: { length: 'u32', keys: 'u32', heads: 'u32', kvHeads: 'u32', scale: 'f32' },
  constants: { P: 'u32', LIMITS: 'u32', BLOCK: 'u32', COLUMNS: 'u32' },
  parts: [attentionPart],
  body: /* wgsl */ `
    const WIDTH = (P + 3u) / 4u;
    const SHARES = BLOCK / COLUMNS;
    var<workgroup> query: array<vec4f, WIDTH>;
    var<workgroup> weights: array<f32, BLOCK>;
    var<workgroup> parts: array<f32, BLOCK>;

    // Of all threads, left in parts[0].
    fn largestOf(local: u32, value: f32) {
      parts[local] = value;
      for (var half = BLOCK / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (local < half) { parts[local] = max(parts[local], parts[local + half]); }
      }
      workgroupBarrier();
    }

    @compute @workgroup_size(BLOCK)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = group.x;
      let h = group.y;
      let b = group.z;
      let hk = h * u.kvHeads / u.heads;
      let seen = keysOf(b, i);
      let last = min(seen.y, i32(u.keys) - 1);
      let column = local % COLUMNS;
      let share = local / COLUMNS;
      for (var c = local; c < WIDTH; c += BLOCK) { query[c] = u.scale * loadQ(b, i, h, c); }
      workgroupBarrier();

      var largest = -3e38;
      // Of this thread's keys, and of its column.
      var weight = 0.0;
      var sum = 0.0;
      for (var start = seen.x; start <= last; start += i32(BLOCK)) {
        let j = start + i32(local);
        var score = -3e38;
        if (j <= last) {
          var product = vec4f();
          for (var c = 0u; c < WIDTH; c++) { product += query[c] * loadK(b, u32(j), hk, c); }
          score = (product.x + product.y) + (product.z + product.w);
        }
        largestOf(local, score);
        let larger = max(largest, parts[0]);
        let shrink = exp(largest - larger);
        largest = larger;
        var p = 0.0;
        if (j <= last) { p = exp(score - larger); }
        weight = weight * shrink + p;
        weights[local] = p;
        workgroupBarrier();
        sum *= shrink;
        if (column < P) {
          let count = min(u32(last - start) + 1u, BLOCK);
          for (var n = share; n < count; n += SHARES) {
            let at = u.vOffset + (b * u.keys + u32(start) + n) * u.vStride + hk * P + column;
            sum += weights[n] * v[at];
          }
        }
        workgroupBarrier();
      }

      weights[local] = weight;
      parts[local] = sum;
      workgroupBarrier();
      if (local >= P) { return; }
      weight = 0.0;
      for (var n = 0u; n < BLOCK; n++) { weight += weights[n]; }
      sum = 0.0;
      for (var s = 0u; s < SHARES; s++) { sum += parts[s * COLUMNS + local]; }
      let at = (b * u.length + i) * u.heads + h;
      y[at * P + local] = sum / weight;
      if (local == 0u) { lse[at] = largest + log(weight); }
    }`,
})

const BLOCK = 256
/** Fewer queries than this leave most rows of a tile empty. */
const FEW = 8

export interface Limits {
  readonly launches: readonly WebGpuLaunch[]
  readonly limits: Operand | undefined
  readonly LIMITS: number
}

/**
 * Which keys each query sees, in the cheapest form: nothing, `past` itself, or a table that a launch makes.
 */
export function limitsOf(
  inputs: AttentionInputs,
  params: AttentionParams,
  scratch: Call<AttentionInputs, AttentionOutputs, AttentionParams>['scratch'],
): Limits {
  const { past, reset } = inputs
  if (!reset) return { launches: [], limits: past, LIMITS: past ? 1 : 0 }
  const { B, L, S } = sizesOf(inputs, params)
  const limits = scratch([B, L, 2], 'i32')
  const make = launch(attentionLimits, {
    bindings: { past, reset, limits },
    uniforms: { length: L, keys: S },
    constants: { WORKGROUP: 256 },
    grid: [B],
  })
  return { launches: [make], limits, LIMITS: 2 }
}

export function attention(call: Call<AttentionInputs, AttentionOutputs, AttentionParams>): WebGpuLaunch[] {
  const { inputs, outputs, params } = call
  const { heads, kvHeads, scale } = params
  const { B, L, S, P } = sizesOf(inputs, params)
  const { launches, limits, LIMITS } = limitsOf(inputs, params, call.scratch)
  const bindings = { q: inputs.q, k: inputs.k, v: inputs.v, limits, ...outputs }
  const uniforms = { length: L, keys: S, heads, kvHeads, scale }
  if (L < FEW && P <= BLOCK) {
    const COLUMNS = 2 ** Math.ceil(Math.log2(P))
    const constants = { P, LIMITS, BLOCK, COLUMNS }
    return [...launches, launch(attentionFew, { bindings, uniforms, constants, grid: [L, heads, B] })]
  }
  const cut = cutFor(P, 64, 1)
  const blocks = Math.ceil(L / cut.ROWS)
  const tiled = launch(attentionForward, {
    bindings,
    uniforms: { ...uniforms, blocks },
    constants: { P, LIMITS, ...cut },
    grid: [blocks, heads, B],
  })
  return [...launches, tiled]
}
