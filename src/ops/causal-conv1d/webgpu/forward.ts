import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import { dims } from '../../../tensor/shape.ts'
import { activationPart } from '../../parts/activation.ts'
import type { Call } from '../../operation.ts'
import type {
  CausalConv1dInputs,
  CausalConv1dOutputs,
  CausalConv1dParams,
  CausalConv1dUpdateInputs,
  CausalConv1dUpdateOutputs,
} from '../types.ts'

export const WORKGROUP = 256

/** `inputAt(b, t, c, age)`: what token t reads, `age` tokens back; zero beyond a reset or the window. */
export const inputAtPart = part({
  name: 'inputs of taps',
  needs: [
    'HAS_RESET',
    'reset',
    'u.length',
    'x',
    'u.xOffset',
    'u.xStride',
    'HAS_INITIAL_WINDOW',
    'initialWindow',
    'u.channels',
    'TAPS',
    'HAS_BIAS',
    'bias',
    'weight',
  ],
  gives: ['inputAt', 'preActivation'],
  text: /* wgsl */ `
  fn inputAt(b: u32, t: u32, c: u32, age: u32) -> f32 {
    if (HAS_RESET) {
      for (var i = 0u; i < min(age, t + 1u); i++) {
        if (reset[b * u.length + t - i] != 0) { return 0.0; }
      }
    }
    if (age <= t) { return x[u.xOffset + (b * u.length + t - age) * u.xStride + c]; }
    if (!HAS_INITIAL_WINDOW) { return 0.0; }
    // Input -1 is the last of the K - 1 in the window.
    return initialWindow[(b * u.channels + c) * (TAPS - 1u) + TAPS - 1u + t - age];
  }

  fn preActivation(b: u32, t: u32, c: u32) -> f32 {
    var pre = 0.0;
    if (HAS_BIAS) { pre = bias[c]; }
    for (var age = 0u; age < TAPS; age++) {
      pre = fma(weight[c * TAPS + TAPS - 1u - age], inputAt(b, t, c, age), pre);
    }
    return pre;
  }`,
})

/** y [B, L, C]: a thread an element. */
const causalConv1dForward = defineKernel({
  name: 'causalConv1d',
  bindings: { x: 'f32 view', weight: 'f32', bias: 'f32?', initialWindow: 'f32?', reset: 'i32?', y: 'f32 rw' },
  uniforms: { size: 'u32', length: 'u32', channels: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32', WITH_SILU: 'bool' },
  parts: [activationPart, inputAtPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let row = i / u.channels;
      let pre = preActivation(row / u.length, row % u.length, i % u.channels);
      y[i] = select(pre, activate(SILU, pre), WITH_SILU);
    }`,
})

/** finalWindow [B, C, K-1]: a thread an element. */
const causalConv1dFinalWindow = defineKernel({
  name: 'causalConv1dFinalWindow',
  bindings: { x: 'f32 view', initialWindow: 'f32?', finalWindow: 'f32 rw' },
  uniforms: { size: 'u32', length: 'u32', channels: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let before = TAPS - 1u;
      let channel = i / before;
      // Element j is element j + L of the initial window and the inputs, in a row.
      let place = i % before + u.length;
      var value = 0.0;
      if (place >= before) {
        let row = channel / u.channels * u.length + place - before;
        value = x[u.xOffset + row * u.xStride + channel % u.channels];
      } else if (HAS_INITIAL_WINDOW) {
        value = initialWindow[channel * before + place];
      }
      finalWindow[i] = value;
    }`,
})

/** One token: a thread a channel. */
const causalConv1dUpdateKernel = defineKernel({
  name: 'causalConv1dUpdate',
  bindings: { window: 'f32 rw', x: 'f32 view', weight: 'f32', bias: 'f32?', y: 'f32 rw' },
  uniforms: { size: 'u32', channels: 'u32' },
  constants: { WORKGROUP: 'u32', TAPS: 'u32', WITH_SILU: 'bool' },
  parts: [activationPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let c = i % u.channels;
      let before = TAPS - 1u;
      let input = x[u.xOffset + i / u.channels * u.xStride + c];
      var pre = 0.0;
      if (HAS_BIAS) { pre = bias[c]; }
      for (var k = 0u; k < before; k++) {
        pre = fma(weight[c * TAPS + k], window[i * before + k], pre);
        var next = input;
        if (k + 1u < before) { next = window[i * before + k + 1u]; }
        window[i * before + k] = next;
      }
      pre = fma(weight[c * TAPS + before], input, pre);
      y[i] = select(pre, activate(SILU, pre), WITH_SILU);
    }`,
})

export function causalConv1d({
  inputs: { x, weight, bias, initialWindow, reset },
  outputs: { y, finalWindow },
  params: { activation },
}: Call<CausalConv1dInputs, CausalConv1dOutputs, CausalConv1dParams>): WebGpuLaunch[] {
  const [, length, channels] = dims(x, 3)
  const TAPS = weight.width
  const launches = [
    launch(causalConv1dForward, {
      bindings: { x, weight, bias, initialWindow, reset, y },
      uniforms: { size: y.size, length, channels },
      constants: { WORKGROUP, TAPS, WITH_SILU: activation === 'silu' },
      grid: gridOf(y.size, WORKGROUP),
    }),
  ]
  if (finalWindow.size > 0) {
    launches.push(
      launch(causalConv1dFinalWindow, {
        bindings: { x, initialWindow, finalWindow },
        uniforms: { size: finalWindow.size, length, channels },
        constants: { WORKGROUP, TAPS },
        grid: gridOf(finalWindow.size, WORKGROUP),
      }),
    )
  }
  return launches
}

export function causalConv1dUpdate({
  inputs: { window, x, weight, bias },
  outputs: { y },
  params: { activation },
}: Call<CausalConv1dUpdateInputs, CausalConv1dUpdateOutputs, CausalConv1dParams>): WebGpuLaunch[] {
  return [
    launch(causalConv1dUpdateKernel, {
      bindings: { window, x, weight, bias, y },
      uniforms: { size: y.size, channels: x.width },
      constants: { WORKGROUP, TAPS: weight.width, WITH_SILU: activation === 'silu' },
      grid: gridOf(y.size, WORKGROUP),
    }),
  ]
}
