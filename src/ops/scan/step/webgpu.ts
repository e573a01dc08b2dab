import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import { dims } from '../../../tensor/shape.ts'
import { activationPart } from '../../parts/activation.ts'
import { copyRows } from '../../copy/webgpu.ts'
import type { Call } from '../../operation.ts'
import type { DecayParams } from './types.ts'
import type {
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from './types.ts'

/**
 * Threads that share a channel: neighbours read neighbouring words of its state. And channels of a workgroup.
 */
export const LANES = 16
export const ROWS = 8

/**
 * One token of the selective scan; the state changes in place. `deltaOf` comes from the kernel, and is called
 * by all threads of a workgroup, `readB` and `readC` too.
 */
export const stepPart = part({
  name: 'step of the scan',
  needs: [
    'LANES',
    'ROWS',
    'u.inner',
    'deltaOf',
    'u.size',
    'HAS_DELTA_BIAS',
    'deltaBias',
    'WITH_SOFTPLUS',
    'activate',
    'SOFTPLUS',
    'x',
    'u.stateSize',
    'A',
    'LOG_DECAY',
    'expOf',
    'state',
    'readB',
    'readC',
    'HAS_D',
    'D',
    'HAS_Z',
    'SILU',
    'z',
    'u.zOffset',
    'u.zStride',
    'y',
  ],
  gives: ['total', 'main'],
  text: /* wgsl */ `
    var<workgroup> parts: array<f32, LANES * ROWS>;

    /** What the threads of a channel found, added up in order. */
    fn total(part: f32, local: vec3u) -> f32 {
      parts[local.y * LANES + local.x] = part;
      workgroupBarrier();
      var sum = 0.0;
      for (var lane = 0u; lane < LANES; lane++) { sum += parts[local.y * LANES + lane]; }
      return sum;
    }

    @compute @workgroup_size(LANES, ROWS)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
      let i = flatGroup(group) * ROWS + local.y;
      let b = i / u.inner;
      let e = i % u.inner;
      var dt = deltaOf(min(i, u.size - 1u), local);
      var part = 0.0;
      if (i < u.size) {
        if (HAS_DELTA_BIAS) { dt += deltaBias[e]; }
        if (WITH_SOFTPLUS) { dt = activate(SOFTPLUS, dt); }
        let input = dt * x[i];
        for (var n = local.x; n < u.stateSize; n += LANES) {
          var rate = A[e * u.stateSize + n];
          if (LOG_DECAY) { rate = -expOf(rate); }
          let h = expOf(dt * rate) * state[i * u.stateSize + n] + input * readB(b, e, n);
          state[i * u.stateSize + n] = h;
          part = fma(readC(b, e, n), h, part);
        }
      }
      var sum = total(part, local);
      if (i >= u.size || local.x > 0u) { return; }
      if (HAS_D) { sum = fma(D[e], x[i], sum); }
      if (HAS_Z) { sum *= activate(SILU, z[u.zOffset + b * u.zStride + e]); }
      y[i] = sum;
    }`,
})

export const STEP_CONSTANTS = {
  LANES: 'u32',
  ROWS: 'u32',
  WITH_SOFTPLUS: 'bool',
  LOG_DECAY: 'bool',
} as const

const selectiveStateUpdateKernel = defineKernel({
  name: 'selectiveStateUpdate',
  bindings: {
    state: 'f32 rw',
    x: 'f32',
    delta: 'f32',
    A: 'f32',
    B: 'f32 view',
    C: 'f32 view',
    D: 'f32?',
    z: 'f32? view',
    deltaBias: 'f32?',
    y: 'f32 rw',
  },
  uniforms: { size: 'u32', inner: 'u32', stateSize: 'u32', groups: 'u32' },
  constants: STEP_CONSTANTS,
  parts: [activationPart, stepPart],
  body: /* wgsl */ `
    fn deltaOf(i: u32, local: vec3u) -> f32 { return delta[i]; }
    fn column(e: u32, n: u32) -> u32 { return e / (u.inner / u.groups) * u.stateSize + n; }
    fn readB(b: u32, e: u32, n: u32) -> f32 { return B[u.BOffset + b * u.BStride + column(e, n)]; }
    fn readC(b: u32, e: u32, n: u32) -> f32 { return C[u.COffset + b * u.CStride + column(e, n)]; }`,
})

/** In place where there is no next state; otherwise on a copy. */
export function selectiveStateUpdate(
  call: Call<
    SelectiveStateUpdateInputs,
    SelectiveStateUpdateOutputs,
    SelectiveStateUpdateParams & DecayParams
  >,
): WebGpuLaunch[] {
  const { state, ...inputs } = call.inputs
  const { y, nextState } = call.outputs
  const { deltaSoftplus = false, logDecay = false } = call.params
  const [, inner, stateSize] = dims(state, 3)
  const copied = nextState ? [copyRows(state, nextState)] : []
  return [
    ...copied,
    launch(selectiveStateUpdateKernel, {
      bindings: { ...inputs, state: nextState ?? state, y },
      uniforms: { size: y.size, inner, stateSize, groups: inputs.B.width / stateSize },
      constants: { LANES, ROWS, WITH_SOFTPLUS: deltaSoftplus, LOG_DECAY: logDecay },
      grid: gridOf(y.size, ROWS),
    }),
  ]
}
