import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { dims } from '../../../tensor/shape.ts'
import { activationPart } from '../../parts/activation.ts'
import type { CausalConv1dBackward } from '../op.ts'
import { inputAtPart, WORKGROUP } from './forward.ts'

/** Tokens whose sums for the weight's gradient one thread makes. */
const TILE = 32
const SUM_WORKGROUP = 64

/**
 * A thread a channel and tile of tokens: dPre [B, L, C], the gradient before the activation, and
 * partials [B, tiles, K + 1, C], sums over the tile of dPre x[t - age], and of dPre.
 */
const causalConv1dBackwardTokens = defineKernel({
  name: 'causalConv1dBackwardTokens',
  bindings: {
    x: 'f32 view',
    weight: 'f32',
    bias: 'f32?',
    initialWindow: 'f32?',
    reset: 'i32?',
    dy: 'f32',
    dPre: 'f32 rw',
    partials: 'f32 rw',
  },
  uniforms: { size: 'u32', length: 'u32', channels: 'u32', tiles: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32', TILE: 'u32', WITH_SILU: 'bool' },
  parts: [activationPart, inputAtPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let c = i % u.channels;
      let item = i / u.channels;
      let b = item / u.tiles;
      let first = item % u.tiles * TILE;
      var sums: array<f32, TAPS + 1u>;
      for (var age = 0u; age <= TAPS; age++) { sums[age] = 0.0; }
      for (var t = first; t < min(u.length, first + TILE); t++) {
        let place = (b * u.length + t) * u.channels + c;
        var d = dy[place];
        if (WITH_SILU) { d *= activateSlope(SILU, preActivation(b, t, c)); }
        dPre[place] = d;
        for (var age = 0u; age < TAPS; age++) { sums[age] = fma(d, inputAt(b, t, c, age), sums[age]); }
        sums[TAPS] += d;
      }
      for (var age = 0u; age <= TAPS; age++) {
        partials[(item * (TAPS + 1u) + age) * u.channels + c] = sums[age];
      }
    }`,
})

/** dWeight [C, K], dBias [C]: a thread an element, over the partials of all tiles in their order. */
const causalConv1dBackwardSums = defineKernel({
  name: 'causalConv1dBackwardSums',
  bindings: { partials: 'f32', dWeight: 'f32 rw', dBias: 'f32? rw' },
  uniforms: { tiles: 'u32', channels: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.channels * (TAPS + 1u)) { return; }
      let c = i % u.channels;
      let age = i / u.channels;
      var sum = 0.0;
      for (var tile = 0u; tile < u.tiles; tile++) {
        sum += partials[(tile * (TAPS + 1u) + age) * u.channels + c];
      }
      if (age < TAPS) {
        dWeight[c * TAPS + TAPS - 1u - age] = sum;
      } else if (HAS_D_BIAS) {
        dBias[c] = sum;
      }
    }`,
})

/** dx [B, L, C]: a thread an element. */
const causalConv1dBackwardInput = defineKernel({
  name: 'causalConv1dBackwardInput',
  bindings: { dPre: 'f32?', weight: 'f32', reset: 'i32?', dFinalWindow: 'f32?', dx: 'f32 rw' },
  uniforms: { size: 'u32', length: 'u32', channels: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let c = i % u.channels;
      let row = i / u.channels;
      let s = row % u.length;
      var sum = 0.0;
      for (var age = 0u; HAS_D_PRE && age < min(TAPS, u.length - s); age++) {
        if (HAS_RESET && age > 0u) {
          if (reset[row + age] != 0) { break; }
        }
        sum = fma(weight[c * TAPS + TAPS - 1u - age], dPre[i + age * u.channels], sum);
      }
      // Input s is element s - (L - K + 1) of the final window.
      if (HAS_D_FINAL_WINDOW && s + TAPS > u.length) {
        sum += dFinalWindow[(row / u.length * u.channels + c) * (TAPS - 1u) + s + TAPS - 1u - u.length];
      }
      dx[i] = sum;
    }`,
})

/** dInitialWindow [B, C, K-1]: a thread an element. */
const causalConv1dBackwardWindow = defineKernel({
  name: 'causalConv1dBackwardWindow',
  bindings: { dPre: 'f32?', weight: 'f32', reset: 'i32?', dFinalWindow: 'f32?', dInitialWindow: 'f32 rw' },
  uniforms: { size: 'u32', length: 'u32', channels: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let before = TAPS - 1u;
      let k = i % before;
      let b = i / before / u.channels;
      let c = i / before % u.channels;
      var sum = 0.0;
      // Tap k - t of token t reads element k of the window.
      for (var t = 0u; HAS_D_PRE && t < min(k + 1u, u.length); t++) {
        if (HAS_RESET) {
          if (reset[b * u.length + t] != 0) { break; }
        }
        sum = fma(weight[c * TAPS + k - t], dPre[(b * u.length + t) * u.channels + c], sum);
      }
      if (HAS_D_FINAL_WINDOW && k >= u.length) { sum += dFinalWindow[i - u.length]; }
      dInitialWindow[i] = sum;
    }`,
})

export function causalConv1dBackward({
  inputs: { x, weight, bias, initialWindow, reset, dy, dFinalWindow },
  outputs: { dx, dWeight, dBias, dInitialWindow },
  params: { activation },
  scratch,
}: CausalConv1dBackward): WebGpuLaunch[] {
  const [batch, length, channels] = dims(x, 3)
  const TAPS = weight.width
  const launches: WebGpuLaunch[] = []
  const tiles = Math.ceil(length / TILE)
  const partials = scratch([dy ? batch * tiles : 1, TAPS + 1, channels])
  const dPre = dy && scratch(dy.shape)
  if (dy && dPre) {
    const size = batch * tiles * channels
    launches.push(
      launch(causalConv1dBackwardTokens, {
        bindings: { x, weight, bias, initialWindow, reset, dy, dPre, partials },
        uniforms: { size, length, channels, tiles },
        constants: { WORKGROUP: SUM_WORKGROUP, TAPS, TILE, WITH_SILU: activation === 'silu' },
        grid: gridOf(size, SUM_WORKGROUP),
      }),
    )
  }
  launches.push(
    launch(causalConv1dBackwardSums, {
      bindings: { partials, dWeight, dBias },
      uniforms: { tiles: dy ? batch * tiles : 0, channels },
      constants: { WORKGROUP: SUM_WORKGROUP, TAPS },
      grid: gridOf(channels * (TAPS + 1), SUM_WORKGROUP),
    }),
    launch(causalConv1dBackwardInput, {
      bindings: { dPre, weight, reset, dFinalWindow, dx },
      uniforms: { size: dx.size, length, channels },
      constants: { WORKGROUP, TAPS },
      grid: gridOf(dx.size, WORKGROUP),
    }),
  )
  if (dInitialWindow && dInitialWindow.size > 0) {
    launches.push(
      launch(causalConv1dBackwardWindow, {
        bindings: { dPre, weight, reset, dFinalWindow, dInitialWindow },
        uniforms: { size: dInitialWindow.size, length, channels },
        constants: { WORKGROUP, TAPS },
        grid: gridOf(dInitialWindow.size, WORKGROUP),
      }),
    )
  }
  return launches
}
