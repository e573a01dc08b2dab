/**
 * The recurrence over chunks of 64 tokens, three passes: the state that each chunk alone would end with; the
 * states that chunks begin with, by Ā^64; the tokens of each chunk from there. A thread is a channel of a
 * chunk, and takes the modes one after the other.
 */
import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import { part } from '../../../../devices/webgpu/part.ts'
import { dims, type Shape } from '../../../../tensor/shape.ts'
import type { Tensor } from '../../../../tensor/tensor.ts'
import type { Call } from '../../../operation.ts'
import { discretize, tablePart, TABLE_FIELDS } from '../../webgpu/discretize.ts'
import { complexPart, powerParts } from '../../webgpu/parts.ts'
import type { LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams } from '../types.ts'

export const CHUNK = 64
/** Channels of a workgroup. */
export const TILE = 64

/**
 * Where a workgroup stands: sequence, chunk, channel; and where the state of mode n at a chunk's edge lies.
 */
export const placePart = part({
  name: 'places of chunks',
  needs: ['u.channels', 'TILE', 'u.chunks', 'u.modes'],
  gives: ['placeOf', 'edgeAt'],
  text: /* wgsl */ `
    struct Place { b: u32, chunk: u32, c: u32 }

    fn placeOf(group: u32, local: u32) -> Place {
      let tiles = (u.channels + TILE - 1) / TILE;
      let c = (group % tiles) * TILE + local;
      return Place(group / tiles / u.chunks, (group / tiles) % u.chunks, c);
    }

    fn edgeAt(b: u32, chunk: u32, n: u32, c: u32) -> u32 {
      return ((b * u.chunks + chunk) * u.modes + n) * 2 * u.channels + c;
    }
`,
})

/**
 * edges [B, chunks, N, 2, C]: forward, the state a chunk ends with, from zero; or the gradient that it begins
 * with.
 */
const ltiLocalStates = defineKernel({
  name: 'ltiLocalStates',
  bindings: { x: 'f32?', table: 'f32', reset: 'i32?', edges: 'f32 rw', flags: 'u32? rw' },
  uniforms: { batch: 'u32', length: 'u32', channels: 'u32', modes: 'u32', chunks: 'u32' },
  constants: { TILE: 'u32', CHUNK: 'u32', COMPLEX: 'bool', ADJOINT: 'bool' },
  parts: [complexPart, tablePart, placePart],
  body: /* wgsl */ `
    @compute @workgroup_size(TILE)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let place = placeOf(flatGroup(group), local);
      let c = place.c;
      if (place.b >= u.batch || c >= u.channels) { return; }
      let begin = place.chunk * CHUNK;
      let end = min(begin + CHUNK, u.length);
      let row = place.b * u.length;
      if (HAS_FLAGS && c == 0) {
        var any = 0u;
        for (var t = begin; t < end; t++) { any |= select(0u, 1u, reset[row + t] != 0); }
        flags[place.b * u.chunks + place.chunk] = any;
      }
      for (var n = 0u; n < u.modes; n++) {
        var h = vec2f();
        var delta = complexEntry(0, n, c);
        if (ADJOINT) {
          delta = conjugate(delta);
          let C = conjugate(complexEntry(4, n, c));
          for (var t = end; t > begin; t--) {
            if (HAS_X) { h += C * x[(row + t - 1) * u.channels + c]; }
            if (COMPLEX) { h += times(delta, h); } else { h.x += delta.x * h.x; }
            if (HAS_RESET) { if (reset[row + t - 1] != 0) { h = vec2f(); } }
          }
        } else {
          let B = complexEntry(2, n, c);
          for (var t = begin; t < end; t++) {
            if (HAS_RESET) { if (reset[row + t] != 0) { h = vec2f(); } }
            let v = x[(row + t) * u.channels + c];
            if (COMPLEX) { h += times(delta, h) + B * v; } else { h.x += delta.x * h.x + B.x * v; }
          }
        }
        let at = edgeAt(place.b, place.chunk, n, c);
        edges[at] = h.x;
        edges[at + u.channels] = h.y;
      }
    }`,
})

/**
 * In place: the state that each chunk begins with (or the gradient of the state that it ends with), and the
 * last.
 */
const ltiCarry = defineKernel({
  name: 'ltiCarry',
  bindings: {
    table: 'f32',
    edges: 'f32 rw',
    flags: 'u32?',
    firstRe: 'f32?',
    firstIm: 'f32?',
    lastRe: 'f32? rw',
    lastIm: 'f32? rw',
  },
  uniforms: { batch: 'u32', length: 'u32', channels: 'u32', modes: 'u32', chunks: 'u32' },
  constants: { TILE: 'u32', CHUNK: 'u32', ADJOINT: 'bool' },
  parts: [...powerParts, tablePart, placePart],
  body: /* wgsl */ `
    @compute @workgroup_size(TILE)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * TILE + local;
      if (i >= u.batch * u.modes * u.channels) { return; }
      let c = i % u.channels;
      let n = (i / u.channels) % u.modes;
      let b = i / u.channels / u.modes;
      let state = (b * u.channels + c) * u.modes + n;
      let rest = u.length - (u.chunks - 1) * CHUNK;
      var far = complexEntry(8, n, c);
      var last = power(entry(6, n, c), entry(7, n, c), rest);
      if (ADJOINT) {
        far = conjugate(far);
        last = conjugate(last);
      }
      var h = vec2f();
      if (HAS_FIRST_RE) { h.x = firstRe[state]; }
      if (HAS_FIRST_IM) { h.y = firstIm[state]; }
      for (var step = 0u; step < u.chunks; step++) {
        let chunk = select(step, u.chunks - 1 - step, ADJOINT);
        let at = edgeAt(b, chunk, n, c);
        let own = vec2f(edges[at], edges[at + u.channels]);
        edges[at] = h.x;
        edges[at + u.channels] = h.y;
        var kept = true;
        if (HAS_FLAGS) { kept = flags[b * u.chunks + chunk] == 0; }
        if (kept) { h = own + times(select(far, last, chunk == u.chunks - 1), h); } else { h = own; }
      }
      if (HAS_LAST_RE) { lastRe[state] = h.x; }
      if (HAS_LAST_IM) { lastIm[state] = h.y; }
    }`,
})

const ltiOutputs = defineKernel({
  name: 'ltiOutputs',
  bindings: { x: 'f32', table: 'f32', D: 'f32?', reset: 'i32?', edges: 'f32', y: 'f32 rw' },
  uniforms: { batch: 'u32', length: 'u32', channels: 'u32', modes: 'u32', chunks: 'u32' },
  constants: { TILE: 'u32', CHUNK: 'u32', COMPLEX: 'bool' },
  parts: [complexPart, tablePart, placePart],
  body: /* wgsl */ `
    // Each thread has a column of its own.
    var<workgroup> sums: array<f32, CHUNK * TILE>;

    @compute @workgroup_size(TILE)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let place = placeOf(flatGroup(group), local);
      let c = place.c;
      if (place.b >= u.batch || c >= u.channels) { return; }
      let begin = place.chunk * CHUNK;
      let count = min(CHUNK, u.length - begin);
      let row = place.b * u.length + begin;
      var skip = 0f;
      if (HAS_D) { skip = D[c]; }
      for (var t = 0u; t < count; t++) { sums[t * TILE + local] = skip * x[(row + t) * u.channels + c]; }
      for (var n = 0u; n < u.modes; n++) {
        let delta = complexEntry(0, n, c);
        let B = complexEntry(2, n, c);
        let C = complexEntry(4, n, c);
        let at = edgeAt(place.b, place.chunk, n, c);
        var h = vec2f(edges[at], edges[at + u.channels]);
        for (var t = 0u; t < count; t++) {
          if (HAS_RESET) { if (reset[row + t] != 0) { h = vec2f(); } }
          let v = x[(row + t) * u.channels + c];
          if (COMPLEX) {
            h += times(delta, h) + B * v;
            sums[t * TILE + local] += C.x * h.x - C.y * h.y;
          } else {
            h.x += delta.x * h.x + B.x * v;
            sums[t * TILE + local] += C.x * h.x;
          }
        }
      }
      for (var t = 0u; t < count; t++) { y[(row + t) * u.channels + c] = sums[t * TILE + local]; }
    }`,
})

export interface Walk {
  /** [B, L, C] */
  readonly shape: Shape
  /** u, or dy if adjoint; then it may be absent */
  readonly x: Tensor | undefined
  readonly table: Tensor
  readonly reset: Tensor | undefined
  readonly edges: Tensor
  /** u32 [B, chunks]: whether a chunk has a reset */
  readonly flags: Tensor | undefined
  readonly firstRe: Tensor | undefined
  readonly firstIm: Tensor | undefined
  readonly lastRe: Tensor | undefined
  readonly lastIm: Tensor | undefined
}

/** The first two passes, in one direction of time or the other. */
export function walk(
  { shape, x, table, reset, edges, flags, firstRe, firstIm, lastRe, lastIm }: Walk,
  modes: number,
  complex: boolean,
  adjoint: boolean,
): WebGpuLaunch[] {
  const [batch, length, channels] = shape
  const chunks = Math.ceil(length / CHUNK)
  const uniforms = { batch, length, channels, modes, chunks }
  return [
    launch(ltiLocalStates, {
      bindings: { x, table, reset, edges, flags },
      uniforms,
      constants: { TILE, CHUNK, COMPLEX: complex, ADJOINT: adjoint },
      grid: gridOf(batch * chunks * Math.ceil(channels / TILE), 1),
    }),
    launch(ltiCarry, {
      bindings: { table, edges, flags, firstRe, firstIm, lastRe, lastIm },
      uniforms,
      constants: { TILE, CHUNK, ADJOINT: adjoint },
      grid: gridOf(batch * modes * channels, TILE),
    }),
  ]
}

export function ltiDiagonal({
  inputs,
  outputs: { y, finalRe, finalIm },
  params,
  scratch,
}: Call<LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams>): WebGpuLaunch[] {
  const { u, aRe, aIm, D, initialRe, initialIm, reset } = inputs
  const [batch, length, channels] = dims(u, 3)
  const modes = aRe.shape[1]
  const chunks = Math.ceil(length / CHUNK)
  const complex = aIm !== undefined
  const table = scratch([TABLE_FIELDS, modes, channels])
  const edges = scratch([batch, chunks, modes, 2, channels])
  const flags = reset && scratch([batch, chunks], 'u32')
  const through = { shape: u.shape, x: u, table, reset, edges, flags }
  const ends = { firstRe: initialRe, firstIm: initialIm, lastRe: finalRe, lastIm: finalIm }
  const list = [discretize(inputs, params, table), ...walk({ ...through, ...ends }, modes, complex, false)]
  if (!y) return list
  list.push(
    launch(ltiOutputs, {
      bindings: { x: u, table, D, reset, edges, y },
      uniforms: { batch, length, channels, modes, chunks },
      constants: { TILE, CHUNK, COMPLEX: complex },
      grid: gridOf(batch * chunks * Math.ceil(channels / TILE), 1),
    }),
  )
  return list
}
