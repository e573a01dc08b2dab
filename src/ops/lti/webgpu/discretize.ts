import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { LtiMode, LtiModeGradients, LtiParams } from '../types.ts'
import { discretizeParts } from './parts.ts'

const WORKGROUP = 64

/** table [10, N, C]: δ, B̄, scale C (re, im), log|Ā|, arg(Ā) in turns, Ā^64 (re, im). */
export const TABLE_FIELDS = 10

/** Reads a mode's entries of the table. */
export const tablePart = part({
  name: 'table of modes',
  needs: ['table', 'u.modes', 'u.channels'],
  gives: ['entry', 'complexEntry'],
  text: /* wgsl */ `
    fn entry(field: u32, n: u32, c: u32) -> f32 {
      return table[(field * u.modes + n) * u.channels + c];
    }
    fn complexEntry(field: u32, n: u32, c: u32) -> vec2f {
      return vec2f(entry(field, n, c), entry(field + 1, n, c));
    }
`,
})

const ltiDiscretize = defineKernel({
  name: 'ltiDiscretize',
  bindings: {
    logDt: 'f32',
    aRe: 'f32',
    aIm: 'f32?',
    bRe: 'f32',
    bIm: 'f32?',
    cRe: 'f32',
    cIm: 'f32?',
    table: 'f32 rw',
  },
  uniforms: { channels: 'u32', modes: 'u32', scale: 'f32' },
  constants: { WORKGROUP: 'u32', BILINEAR: 'bool' },
  parts: [...discretizeParts],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      let size = u.channels * u.modes;
      if (i >= size) { return; }
      let c = i % u.channels;
      let p = c * u.modes + i / u.channels;
      let dt = exponential(logDt[c]);
      var z = vec2f(dt * aRe[p], 0);
      var B = vec2f(bRe[p], 0);
      var C = vec2f(cRe[p], 0);
      if (HAS_A_IM) { z.y = dt * aIm[p]; }
      if (HAS_B_IM) { B.y = bIm[p]; }
      if (HAS_C_IM) { C.y = cIm[p]; }
      let rule = ruleOf(z);
      let input = dt * times(rule.beta, B);
      let logarithm = logarithmOf(z);
      // Steps and powers from the same two numbers: they must agree.
      let delta = less1(logarithm.x, logarithm.y);
      let far = power(logarithm.x, logarithm.y, 64);
      table[i] = delta.x;
      table[i + size] = delta.y;
      table[i + 2 * size] = input.x;
      table[i + 3 * size] = input.y;
      table[i + 4 * size] = u.scale * C.x;
      table[i + 5 * size] = u.scale * C.y;
      table[i + 6 * size] = logarithm.x;
      table[i + 7 * size] = logarithm.y;
      table[i + 8 * size] = far.x;
      table[i + 9 * size] = far.y;
    }`,
})

export function discretize(
  { logDt, aRe, aIm, bRe, bIm, cRe, cIm }: LtiMode,
  { discretization, scale }: LtiParams,
  table: Tensor,
): WebGpuLaunch {
  const [channels, modes] = dims(aRe, 2)
  return launch(ltiDiscretize, {
    bindings: { logDt, aRe, aIm, bRe, bIm, cRe, cIm, table },
    uniforms: { channels, modes, scale },
    constants: { WORKGROUP, BILINEAR: discretization === 'bilinear' },
    grid: gridOf(channels * modes, WORKGROUP),
  })
}

/** grads [7, N, C]: A, B, C (re, im), and what each mode adds to log dt. */
const ltiChain = defineKernel({
  name: 'ltiChain',
  bindings: {
    logDt: 'f32',
    aRe: 'f32',
    aIm: 'f32?',
    bRe: 'f32',
    bIm: 'f32?',
    partial: 'f32',
    grads: 'f32 rw',
  },
  uniforms: { channels: 'u32', modes: 'u32', parts: 'u32', scale: 'f32' },
  constants: { WORKGROUP: 'u32', BILINEAR: 'bool' },
  parts: [...discretizeParts],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      let size = u.channels * u.modes;
      if (i >= size) { return; }
      let c = i % u.channels;
      let n = i / u.channels;
      let p = c * u.modes + n;
      var sums: array<f32, 6>;
      for (var part = 0u; part < u.parts; part++) {
        let row = part * (6 * u.modes + 1) + 6 * n;
        for (var k = 0u; k < 6; k++) { sums[k] += partial[(row + k) * u.channels + c]; }
      }
      let dt = exponential(logDt[c]);
      var A = vec2f(aRe[p], 0);
      var B = vec2f(bRe[p], 0);
      if (HAS_A_IM) { A.y = aIm[p]; }
      if (HAS_B_IM) { B.y = bIm[p]; }
      let rule = ruleOf(dt * A);
      let dABar = vec2f(sums[0], sums[1]);
      let dBBar = vec2f(sums[2], sums[3]);
      let dz = times(dABar, conjugate(rule.dDelta)) + dt * times(dBBar, conjugate(times(rule.dBeta, B)));
      let dB = dt * times(dBBar, conjugate(rule.beta));
      grads[i] = dt * dz.x;
      grads[i + size] = dt * dz.y;
      grads[i + 2 * size] = dB.x;
      grads[i + 3 * size] = dB.y;
      grads[i + 4 * size] = u.scale * sums[4];
      grads[i + 5 * size] = u.scale * sums[5];
      grads[i + 6 * size] = dt * (dot(dz, A) + dot(dBBar, times(rule.beta, B)));
    }`,
})

/** From [7, N, C] to the parameters' own layout. */
const ltiScatter = defineKernel({
  name: 'ltiScatter',
  bindings: {
    grads: 'f32',
    dARe: 'f32 rw',
    dAIm: 'f32? rw',
    dBRe: 'f32 rw',
    dBIm: 'f32? rw',
    dCRe: 'f32 rw',
    dCIm: 'f32? rw',
  },
  uniforms: { channels: 'u32', modes: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let p = flatGroup(group) * WORKGROUP + local;
      let size = u.channels * u.modes;
      if (p >= size) { return; }
      let i = (p % u.modes) * u.channels + p / u.modes;
      dARe[p] = grads[i];
      if (HAS_D_AIM) { dAIm[p] = grads[i + size]; }
      dBRe[p] = grads[i + 2 * size];
      if (HAS_D_BIM) { dBIm[p] = grads[i + 3 * size]; }
      dCRe[p] = grads[i + 4 * size];
      if (HAS_D_CIM) { dCIm[p] = grads[i + 5 * size]; }
    }`,
})

/** What a channel's modes add to log dt, and its D, summed. */
const ltiChannelSums = defineKernel({
  name: 'ltiChannelSums',
  bindings: { grads: 'f32', partial: 'f32', dLogDt: 'f32 rw', dD: 'f32? rw' },
  uniforms: { channels: 'u32', modes: 'u32', parts: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let c = flatGroup(group) * WORKGROUP + local;
      if (c >= u.channels) { return; }
      var step = 0f;
      for (var n = 0u; n < u.modes; n++) { step += grads[(6 * u.modes + n) * u.channels + c]; }
      dLogDt[c] = step;
      if (HAS_D_D) {
        var skip = 0f;
        for (var part = 0u; part < u.parts; part++) {
          skip += partial[(part * (6 * u.modes + 1) + 6 * u.modes) * u.channels + c];
        }
        dD[c] = skip;
      }
    }`,
})

/**
 * Gradients of the parameters from partial [parts, 6 N + 1, C]: those of Ā, B̄, scale C (re, im) of each
 * mode, and of D, to be summed over the parts. grads [7, N, C] is scratch.
 */
export function discretizeBackward(
  { logDt, aRe, aIm, bRe, bIm }: LtiMode,
  { dLogDt, dARe, dAIm, dBRe, dBIm, dCRe, dCIm, dD }: LtiModeGradients,
  { discretization, scale }: LtiParams,
  partial: Tensor,
  parts: number,
  grads: Tensor,
): WebGpuLaunch[] {
  const [channels, modes] = dims(aRe, 2)
  const grid = gridOf(channels * modes, WORKGROUP)
  return [
    launch(ltiChain, {
      bindings: { logDt, aRe, aIm, bRe, bIm, partial, grads },
      uniforms: { channels, modes, parts, scale },
      constants: { WORKGROUP, BILINEAR: discretization === 'bilinear' },
      grid,
    }),
    launch(ltiScatter, {
      bindings: { grads, dARe, dAIm, dBRe, dBIm, dCRe, dCIm },
      uniforms: { channels, modes },
      constants: { WORKGROUP },
      grid,
    }),
    launch(ltiChannelSums, {
      bindings: { grads, partial, dLogDt, dD },
      uniforms: { channels, modes, parts },
      constants: { WORKGROUP },
      grid: gridOf(channels, WORKGROUP),
    }),
  ]
}
