import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import { dims } from '../../../../tensor/shape.ts'
import type { Call } from '../../../operation.ts'
import type { LtiMode } from '../../types.ts'
import { discretize, discretizeBackward, tablePart, TABLE_FIELDS } from '../../webgpu/discretize.ts'
import { powerParts } from '../../webgpu/parts.ts'
import type { LtiKernelBackward } from '../op.ts'
import type { LtiKernelOutputs, LtiKernelParams } from '../types.ts'

/**
 * Taps of a workgroup: ROWS blocks of ROWS taps, each power Ā^(ROWS i + j) a product of two from short
 * tables.
 */
const ROWS = 32
/** Modes whose tables lie in workgroup memory together. */
const MODES = 16
const WORKGROUP = 256

const ltiKernelForward = defineKernel({
  name: 'ltiKernelForward',
  bindings: { table: 'f32', D: 'f32?', kernel: 'f32 rw' },
  uniforms: { length: 'u32', channels: 'u32', modes: 'u32', tiles: 'u32' },
  constants: { WORKGROUP: 'u32', ROWS: 'u32', MODES: 'u32' },
  parts: [...powerParts, tablePart],
  body: /* wgsl */ `
    const EACH = ROWS * ROWS / WORKGROUP;
    const STEP = WORKGROUP / ROWS;
    /** C B̄ Ā^(first + ROWS i), and Ā^j */
    var<workgroup> far: array<vec2f, MODES * ROWS>;
    var<workgroup> near: array<vec2f, MODES * ROWS>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let flat = flatGroup(group);
      let c = flat / u.tiles;
      if (c >= u.channels) { return; }
      let first = (flat % u.tiles) * ROWS * ROWS;
      let j = local % ROWS;
      let i = local / ROWS;
      var sums: array<f32, EACH>;
      for (var begin = 0u; begin < u.modes; begin += MODES) {
        workgroupBarrier();
        for (var e = local; e < MODES * ROWS; e += WORKGROUP) {
          let n = begin + e / ROWS;
          if (n < u.modes) {
            let rate = entry(6, n, c);
            let turns = entry(7, n, c);
            let weight = times(complexEntry(4, n, c), complexEntry(2, n, c));
            far[e] = times(weight, power(rate, turns, first + ROWS * (e % ROWS)));
            near[e] = power(rate, turns, e % ROWS);
          }
        }
        workgroupBarrier();
        for (var n = 0u; n < min(MODES, u.modes - begin); n++) {
          let b = near[n * ROWS + j];
          for (var k = 0u; k < EACH; k++) {
            let a = far[n * ROWS + i + k * STEP];
            sums[k] += a.x * b.x - a.y * b.y;
          }
        }
      }
      for (var k = 0u; k < EACH; k++) {
        let l = first + (i + k * STEP) * ROWS + j;
        if (l >= u.length) { continue; }
        var tap = sums[k];
        if (HAS_D && l == 0) { tap += D[c]; }
        kernel[c * u.length + l] = tap;
      }
    }`,
})

/** partial [6 N + 1, C], as \`discretizeBackward\` reads it. A workgroup is a mode of a channel. */
const ltiKernelBackwardKernel = defineKernel({
  name: 'ltiKernelBackward',
  bindings: { table: 'f32', dKernel: 'f32', partial: 'f32 rw' },
  uniforms: { length: 'u32', channels: 'u32', modes: 'u32' },
  constants: { THREADS: 'u32' },
  parts: [...powerParts, tablePart],
  body: /* wgsl */ `
    /** Σ dK Ā^l, Σ dK l Ā^(l-1) */
    var<workgroup> sums: array<vec4f, THREADS>;

    @compute @workgroup_size(THREADS)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let flat = flatGroup(group);
      let c = flat / u.modes;
      let n = flat % u.modes;
      if (c >= u.channels) { return; }
      let rate = entry(6, n, c);
      let turns = entry(7, n, c);
      let stride = complexEntry(8, n, c);
      var now = vec2f();
      var before = vec2f();
      var sum = vec4f();
      for (var l = local; l < u.length; l += THREADS) {
        // By products of Ā^64 for a while, then made anew, so that no error grows.
        if ((l / THREADS) % 32 == 0) {
          now = power(rate, turns, l);
          before = power(rate, turns, max(l, 1) - 1);
        }
        let g = dKernel[c * u.length + l];
        sum += g * vec4f(now, f32(l) * before);
        now = times(now, stride);
        // Ā^(-1) is not made: at l = 0 it met the factor 0, and the next is Ā^63.
        before = select(times(before, stride), power(rate, turns, THREADS - 1), l == 0);
      }
      sums[local] = sum;
      for (var half = THREADS / 2; half > 0; half /= 2) {
        workgroupBarrier();
        if (local < half) { sums[local] += sums[local + half]; }
      }
      if (local > 0) { return; }
      let B = complexEntry(2, n, c);
      let C = complexEntry(4, n, c);
      let total = sums[0];
      let dA = conjugate(times(times(C, B), total.zw));
      let dB = conjugate(times(C, total.xy));
      let dC = conjugate(times(B, total.xy));
      let at = 6 * n * u.channels + c;
      partial[at] = dA.x;
      partial[at + u.channels] = dA.y;
      partial[at + 2 * u.channels] = dB.x;
      partial[at + 3 * u.channels] = dB.y;
      partial[at + 4 * u.channels] = dC.x;
      partial[at + 5 * u.channels] = dC.y;
      if (n == 0) { partial[6 * u.modes * u.channels + c] = dKernel[c * u.length]; }
    }`,
})

/** Also the distance of Ā^64 in the table. */
const THREADS = 64

export function ltiKernel({
  inputs,
  outputs: { kernel },
  params,
  scratch,
}: Call<LtiMode, LtiKernelOutputs, LtiKernelParams>): WebGpuLaunch[] {
  const { length } = params
  const [channels, modes] = dims(inputs.aRe, 2)
  const table = scratch([TABLE_FIELDS, modes, channels])
  const tiles = Math.ceil(length / (ROWS * ROWS))
  return [
    discretize(inputs, params, table),
    launch(ltiKernelForward, {
      bindings: { table, D: inputs.D, kernel },
      uniforms: { length, channels, modes, tiles },
      constants: { WORKGROUP, ROWS, MODES },
      grid: gridOf(channels * tiles, 1),
    }),
  ]
}

export function ltiKernelBackward({ inputs, outputs, params, scratch }: LtiKernelBackward): WebGpuLaunch[] {
  const { length } = params
  const [channels, modes] = dims(inputs.aRe, 2)
  const table = scratch([TABLE_FIELDS, modes, channels])
  const partial = scratch([6 * modes + 1, channels])
  return [
    discretize(inputs, params, table),
    launch(ltiKernelBackwardKernel, {
      bindings: { table, dKernel: inputs.dKernel, partial },
      uniforms: { length, channels, modes },
      constants: { THREADS },
      grid: gridOf(channels * modes, 1),
    }),
    ...discretizeBackward(inputs, outputs, params, partial, 1, scratch([7, modes, channels])),
  ]
}
