import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import { dims } from '../../../../tensor/shape.ts'
import { discretize, discretizeBackward, tablePart, TABLE_FIELDS } from '../../webgpu/discretize.ts'
import { complexPart } from '../../webgpu/parts.ts'
import type { LtiDiagonalBackward } from '../op.ts'
import { CHUNK, placePart, TILE, walk } from './forward.ts'

/** Chunks that one thread takes in turn, and sums over. */
const SPAN = 4

/**
 * du, and for each span of chunks the gradients of its modes: partial [B, spans, 6 N + 1, C]. States at the
 * edges are known; those inside are walked again. Formulas: see reference.ts.
 */
const ltiGradients = defineKernel({
  name: 'ltiGradients',
  bindings: {
    x: 'f32',
    table: 'f32',
    D: 'f32?',
    reset: 'i32?',
    dy: 'f32?',
    edges: 'f32',
    dEdges: 'f32',
    du: 'f32 rw',
    partial: 'f32 rw',
  },
  uniforms: { batch: 'u32', length: 'u32', channels: 'u32', modes: 'u32', chunks: 'u32', spans: 'u32' },
  constants: { TILE: 'u32', CHUNK: 'u32', SPAN: 'u32' },
  parts: [complexPart, tablePart, placePart],
  body: /* wgsl */ `
    // Each thread has a column of its own.
    var<workgroup> sums: array<f32, CHUNK * TILE>;

    fn addTo(row: u32, c: u32, value: vec2f, first: bool) {
      let at = row * u.channels + c;
      partial[at] = select(partial[at], 0, first) + value.x;
      partial[at + u.channels] = select(partial[at + u.channels], 0, first) + value.y;
    }

    @compute @workgroup_size(TILE)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let tiles = (u.channels + TILE - 1) / TILE;
      let flat = flatGroup(group);
      let c = (flat % tiles) * TILE + local;
      let span = (flat / tiles) % u.spans;
      let b = flat / tiles / u.spans;
      if (b >= u.batch || c >= u.channels) { return; }
      let rows = (b * u.spans + span) * (6 * u.modes + 1);
      var skip = 0f;
      if (HAS_D) { skip = D[c]; }
      var dD = 0f;
      for (var chunk = span * SPAN; chunk < min(u.chunks, span * SPAN + SPAN); chunk++) {
        let first = chunk == span * SPAN;
        let begin = chunk * CHUNK;
        let count = min(CHUNK, u.length - begin);
        let row = b * u.length + begin;
        for (var t = 0u; t < count; t++) {
          var g = 0f;
          if (HAS_DY) { g = dy[(row + t) * u.channels + c]; }
          dD += g * x[(row + t) * u.channels + c];
          sums[t * TILE + local] = skip * g;
        }
        for (var n = 0u; n < u.modes; n++) {
          let delta = complexEntry(0, n, c);
          let B = complexEntry(2, n, c);
          let C = complexEntry(4, n, c);
          let at = edgeAt(b, chunk, n, c);
          /** What Ā meets at t. */
          var before: array<vec2f, CHUNK>;
          var h = vec2f(edges[at], edges[at + u.channels]);
          for (var t = 0u; t < count; t++) {
            if (HAS_RESET) { if (reset[row + t] != 0) { h = vec2f(); } }
            before[t] = h;
            h += times(delta, h) + B * x[(row + t) * u.channels + c];
          }
          var lambda = vec2f(dEdges[at], dEdges[at + u.channels]);
          var dA = vec2f();
          var dB = vec2f();
          var dC = vec2f();
          for (var i = count; i > 0; i--) {
            let t = i - 1;
            let v = x[(row + t) * u.channels + c];
            if (HAS_DY) {
              let g = dy[(row + t) * u.channels + c];
              h = before[t] + times(delta, before[t]) + B * v;
              lambda += g * conjugate(C);
              dC += g * conjugate(h);
            }
            dA += times(lambda, conjugate(before[t]));
            dB += v * lambda;
            sums[t * TILE + local] += dot(B, lambda);
            lambda += times(conjugate(delta), lambda);
            if (HAS_RESET) { if (reset[row + t] != 0) { lambda = vec2f(); } }
          }
          addTo(rows + 6 * n, c, dA, first);
          addTo(rows + 6 * n + 2, c, dB, first);
          addTo(rows + 6 * n + 4, c, dC, first);
        }
        for (var t = 0u; t < count; t++) { du[(row + t) * u.channels + c] = sums[t * TILE + local]; }
      }
      partial[(rows + 6 * u.modes) * u.channels + c] = dD;
    }`,
})

export function ltiDiagonalBackward({
  inputs,
  outputs,
  params,
  scratch,
}: LtiDiagonalBackward): WebGpuLaunch[] {
  const { u, aRe, aIm, D, initialRe, initialIm, reset, dy, dFinalRe, dFinalIm } = inputs
  const { du, dInitialRe, dInitialIm } = outputs
  const [batch, length, channels] = dims(u, 3)
  const modes = aRe.shape[1]
  const chunks = Math.ceil(length / CHUNK)
  const spans = Math.ceil(chunks / SPAN)
  const complex = aIm !== undefined
  const table = scratch([TABLE_FIELDS, modes, channels])
  const edges = scratch([batch, chunks, modes, 2, channels])
  const dEdges = scratch([batch, chunks, modes, 2, channels])
  const flags = reset && scratch([batch, chunks], 'u32')
  const partial = scratch([batch, spans, 6 * modes + 1, channels])
  const through = { shape: u.shape, table, reset, flags }
  const begin = { firstRe: initialRe, firstIm: initialIm, lastRe: undefined, lastIm: undefined }
  const end = { firstRe: dFinalRe, firstIm: dFinalIm, lastRe: dInitialRe, lastIm: dInitialIm }
  return [
    discretize(inputs, params, table),
    ...walk({ ...through, ...begin, x: u, edges }, modes, complex, false),
    ...walk({ ...through, ...end, x: dy, edges: dEdges }, modes, complex, true),
    launch(ltiGradients, {
      bindings: { x: u, table, D, reset, dy, edges, dEdges, du, partial },
      uniforms: { batch, length, channels, modes, chunks, spans },
      constants: { TILE, CHUNK, SPAN },
      grid: gridOf(batch * spans * Math.ceil(channels / TILE), 1),
    }),
    ...discretizeBackward(inputs, outputs, params, partial, batch * spans, scratch([7, modes, channels])),
  ]
}
