import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import { part } from '../../../../devices/webgpu/part.ts'
import type { AttentionBackward } from '../op.ts'
import { sizesOf } from '../sizes.ts'
import { limitsOf } from './forward.ts'
import { attentionPart, cutFor, cutPart, keyTilesPart, loader } from './parts.ts'

const WORKGROUP = 64

/** stats [B, L, H, 2] = lse and dy · y - dLse. One thread a query of a head. */
const attentionStats = defineKernel({
  name: 'attentionStats',
  bindings: { y: 'f32', dy: 'f32', lse: 'f32', dLse: 'f32?', stats: 'f32 rw' },
  uniforms: { count: 'u32' },
  constants: { P: 'u32', WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let n = flatGroup(group) * WORKGROUP + local;
      if (n >= u.count) { return; }
      var delta = 0.0;
      for (var d = 0u; d < P; d++) { delta += dy[n * P + d] * y[n * P + d]; }
      if (HAS_D_LSE) { delta -= dLse[n]; }
      stats[2u * n] = lse[n];
      stats[2u * n + 1u] = delta;
    }`,
})

const loadDyPart = part({
  name: 'gradients of attention',
  needs: ['u.length', 'u.heads', 'P', 'dy', 'ROWS', 'SPLIT', 'TILE'],
  gives: ['loadDy', 'shares'],
  text: /* wgsl */ `
  ${loader('loadDy', 'dy', '((b * u.length + i) * u.heads + h) * P')}
  // Each part's share of scores and of dp [SPLIT, TILE, ROWS].
  var<workgroup> shares: array<vec2f, select(1u, SPLIT * TILE * ROWS, SPLIT > 1u)>;
`,
})

/** dq: a thread holds (a part of) one query, dy and dq; keys and values pass by in tiles. */
const attentionBackwardQ = defineKernel({
  name: 'attentionBackwardQ',
  bindings: {
    q: 'f32 view',
    k: 'f32 view',
    v: 'f32 view',
    limits: 'i32?',
    dy: 'f32',
    stats: 'f32',
    dq: 'f32 rw',
  },
  uniforms: { length: 'u32', keys: 'u32', blocks: 'u32', heads: 'u32', kvHeads: 'u32', scale: 'f32' },
  constants: { P: 'u32', LIMITS: 'u32', ROWS: 'u32', SPLIT: 'u32', PART: 'u32', TILE: 'u32' },
  parts: [attentionPart, cutPart, keyTilesPart, loadDyPart],
  body: /* wgsl */ `
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
      let at = (b * u.length + i) * u.heads + h;
      let lse = stats[2u * at];
      let delta = stats[2u * at + 1u];

      var query: array<vec4f, PART>;
      var dyOwn: array<vec4f, PART>;
      var sum: array<vec4f, PART>;
      for (var c = 0u; c < PART; c++) {
        query[c] = u.scale * loadQ(b, i, h, part * PART + c);
        dyOwn[c] = loadDy(b, i, h, part * PART + c);
      }

      for (var start = keysOf(b, top).x; start <= last; start += i32(TILE)) {
        loadKeys(b, hk, start, last, local);
        workgroupBarrier();

        // (score, dp) of each key
        var pairs: array<vec2f, TILE>;
        for (var t = 0u; t < TILE; t++) {
          var s = vec4f();
          var dp = vec4f();
          for (var c = 0u; c < PART; c++) {
            s += query[c] * kTile[t * WIDTH + part * PART + c];
            dp += dyOwn[c] * vTile[t * WIDTH + part * PART + c];
          }
          pairs[t] = vec2f((s.x + s.y) + (s.z + s.w), (dp.x + dp.y) + (dp.z + dp.w));
        }
        if (SPLIT > 1u) {
          for (var t = 0u; t < TILE; t++) { shares[(part * TILE + t) * ROWS + row] = pairs[t]; }
          workgroupBarrier();
          for (var t = 0u; t < TILE; t++) {
            var pair = vec2f();
            for (var s = 0u; s < SPLIT; s++) { pair += shares[(s * TILE + t) * ROWS + row]; }
            pairs[t] = pair;
          }
        }

        for (var t = 0u; t < TILE; t++) {
          let j = start + i32(t);
          var ds = 0.0;
          if (j >= seen.x && j <= min(seen.y, lastKey)) {
            ds = u.scale * exp(min(pairs[t].x - lse, 0.0)) * (pairs[t].y - delta);
          }
          for (var c = 0u; c < PART; c++) { sum[c] += ds * kTile[t * WIDTH + part * PART + c]; }
        }
        workgroupBarrier();
      }

      if (top + row >= u.length) { return; }
      for (var c = 0u; c < PART; c++) {
        let column = 4u * (part * PART + c);
        for (var e = 0u; e < 4u; e++) { if (column + e < P) { dq[at * P + column + e] = sum[c][e]; } }
      }
    }`,
})

/**
 * dk and dv: a thread holds (a part of) one key, its value and their gradients; the queries that may see it
 * pass by in tiles, one head of the group after the other. Grid: blocks of keys, key heads, batch.
 */
const attentionBackwardKV = defineKernel({
  name: 'attentionBackwardKV',
  bindings: {
    q: 'f32 view',
    k: 'f32 view',
    v: 'f32 view',
    limits: 'i32?',
    dy: 'f32',
    stats: 'f32',
    dk: 'f32 rw',
    dv: 'f32 rw',
  },
  uniforms: { length: 'u32', keys: 'u32', heads: 'u32', kvHeads: 'u32', scale: 'f32' },
  constants: { P: 'u32', LIMITS: 'u32', ROWS: 'u32', SPLIT: 'u32', PART: 'u32', TILE: 'u32' },
  parts: [attentionPart, cutPart, loadDyPart],
  body: /* wgsl */ `
    var<workgroup> qTile: array<vec4f, TILE * WIDTH>;
    var<workgroup> dyTile: array<vec4f, TILE * WIDTH>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let b = group.z;
      let hk = group.y;
      let perKey = u.heads / u.kvHeads;
      let row = local % ROWS;
      let part = local / ROWS;
      let top = group.x * ROWS;
      let j = i32(min(top + row, u.keys - 1u));
      let lastKey = i32(min(top + ROWS, u.keys)) - 1;
      // The first query that sees the first key: query i sees up to keysOf(b, 0).y + i.
      let first = u32(max(i32(top) - keysOf(b, 0u).y, 0));

      var key: array<vec4f, PART>;
      var value: array<vec4f, PART>;
      var dkSum: array<vec4f, PART>;
      var dvSum: array<vec4f, PART>;
      for (var c = 0u; c < PART; c++) {
        key[c] = u.scale * loadK(b, u32(j), hk, part * PART + c);
        value[c] = loadV(b, u32(j), hk, part * PART + c);
      }

      for (var h = hk * perKey; h < (hk + 1u) * perKey; h++) {
        for (var start = first; start < u.length; start += TILE) {
          if (keysOf(b, start).x > lastKey) { break; }
          for (var n = local; n < TILE * WIDTH; n += WORKGROUP) {
            let i = start + n / WIDTH;
            var qValue = vec4f();
            var dyValue = vec4f();
            if (i < u.length) {
              qValue = loadQ(b, i, h, n % WIDTH);
              dyValue = loadDy(b, i, h, n % WIDTH);
            }
            qTile[n] = qValue;
            dyTile[n] = dyValue;
          }
          workgroupBarrier();

          // (score, dp) of each query
          var pairs: array<vec2f, TILE>;
          for (var t = 0u; t < TILE; t++) {
            var s = vec4f();
            var dp = vec4f();
            for (var c = 0u; c < PART; c++) {
              s += key[c] * qTile[t * WIDTH + part * PART + c];
              dp += value[c] * dyTile[t * WIDTH + part * PART + c];
            }
            pairs[t] = vec2f((s.x + s.y) + (s.z + s.w), (dp.x + dp.y) + (dp.z + dp.w));
          }
          if (SPLIT > 1u) {
            for (var t = 0u; t < TILE; t++) { shares[(part * TILE + t) * ROWS + row] = pairs[t]; }
            workgroupBarrier();
            for (var t = 0u; t < TILE; t++) {
              var pair = vec2f();
              for (var s = 0u; s < SPLIT; s++) { pair += shares[(s * TILE + t) * ROWS + row]; }
              pairs[t] = pair;
            }
          }

          for (var t = 0u; t < TILE; t++) {
            let i = min(start + t, u.length - 1u);
            let seen = keysOf(b, i);
            var p = 0.0;
            var ds = 0.0;
            if (start + t < u.length && j >= seen.x && j <= seen.y) {
              let at = 2u * ((b * u.length + i) * u.heads + h);
              p = exp(min(pairs[t].x - stats[at], 0.0));
              ds = u.scale * p * (pairs[t].y - stats[at + 1u]);
            }
            for (var c = 0u; c < PART; c++) {
              dvSum[c] += p * dyTile[t * WIDTH + part * PART + c];
              dkSum[c] += ds * qTile[t * WIDTH + part * PART + c];
            }
          }
          workgroupBarrier();
        }
      }

      if (top + row >= u.keys) { return; }
      let at = ((b * u.keys + u32(j)) * u.kvHeads + hk) * P;
      for (var c = 0u; c < PART; c++) {
        let column = 4u * (part * PART + c);
        for (var e = 0u; e < 4u; e++) {
          if (column + e < P) {
            dk[at + column + e] = dkSum[c][e];
            dv[at + column + e] = dvSum[c][e];
          }
        }
      }
    }`,
})

export function attentionBackward(call: AttentionBackward): WebGpuLaunch[] {
  const { inputs, outputs, params } = call
  const { q, k, v, y, dy, lse, dLse } = inputs
  const { heads, kvHeads, scale } = params
  const { B, L, S, P } = sizesOf(inputs, params)
  const { launches, limits, LIMITS } = limitsOf(inputs, params, call.scratch)
  const stats = call.scratch([B, L, heads, 2])
  const cut = cutFor(P, 32, 2)
  const uniforms = { length: L, keys: S, heads, kvHeads, scale }
  const constants = { P, LIMITS, ...cut }
  const blocks = Math.ceil(L / cut.ROWS)
  return [
    ...launches,
    launch(attentionStats, {
      bindings: { y, dy, lse, dLse, stats },
      uniforms: { count: B * L * heads },
      constants: { P, WORKGROUP },
      grid: gridOf(B * L * heads, WORKGROUP),
    }),
    launch(attentionBackwardQ, {
      bindings: { q, k, v, limits, dy, stats, dq: outputs.dq },
      uniforms: { ...uniforms, blocks },
      constants,
      grid: [blocks, heads, B],
    }),
    launch(attentionBackwardKV, {
      bindings: { q, k, v, limits, dy, stats, dk: outputs.dk, dv: outputs.dv },
      uniforms,
      constants,
      grid: [Math.ceil(S / cut.ROWS), kvHeads, B],
    }),
  ]
}
