import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import { ACTIVATION_WGSL } from '../activation/wgsl.ts'
import type { Call } from '../operation.ts'
import type { DecayParams } from './decay.ts'
import type {
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from './index.ts'

const WORKGROUP = 64

/** One token of the selective scan; the state changes in place. A thread a channel. */
const selectiveStateUpdate = defineKernel({
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
  uniforms: { size: 'u32', inner: 'u32', states: 'u32', groups: 'u32' },
  constants: { WORKGROUP: 'u32', WITH_SOFTPLUS: 'bool', LOG_DECAY: 'bool' },
  body: `${ACTIVATION_WGSL}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let b = i / u.inner;
      let e = i % u.inner;
      let column = e / (u.inner / u.groups) * u.states;
      var dt = delta[i];
      if (HAS_DELTA_BIAS) { dt += deltaBias[e]; }
      if (WITH_SOFTPLUS) { dt = activate(SOFTPLUS, dt); }
      var sum = 0.0;
      if (HAS_D) { sum = D[e] * x[i]; }
      for (var n = 0u; n < u.states; n++) {
        var rate = A[e * u.states + n];
        if (LOG_DECAY) { rate = -expOf(rate); }
        let h = expOf(dt * rate) * state[i * u.states + n]
          + dt * B[u.BOffset + b * u.BStride + column + n] * x[i];
        state[i * u.states + n] = h;
        sum = fma(C[u.COffset + b * u.CStride + column + n], h, sum);
      }
      if (HAS_Z) { sum *= activate(SILU, z[u.zOffset + b * u.zStride + e]); }
      y[i] = sum;
    }`,
})

const selectiveStateCopy = defineKernel({
  name: 'selectiveStateCopy',
  bindings: { state: 'f32', nextState: 'f32 rw' },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i < u.size) { nextState[i] = state[i]; }
    }`,
})

/** In place where there is no next state; otherwise on a copy. */
export function webgpu({
  inputs: { state, ...inputs },
  outputs: { y, nextState },
  params: { deltaSoftplus = false, logDecay = false },
}: Call<
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams & DecayParams
>): WebGpuLaunch[] {
  const [, inner, states] = state.shape as [number, number, number]
  const launches: WebGpuLaunch[] = []
  if (nextState) {
    launches.push(
      launch(selectiveStateCopy, {
        bindings: { state, nextState },
        uniforms: { size: state.size },
        constants: { WORKGROUP },
        grid: gridOf(state.size, WORKGROUP),
      }),
    )
  }
  launches.push(
    launch(selectiveStateUpdate, {
      bindings: { ...inputs, state: nextState ?? state, y },
      uniforms: { size: y.size, inner, states, groups: inputs.B.width / states },
      constants: { WORKGROUP, WITH_SOFTPLUS: deltaSoftplus, LOG_DECAY: logDecay },
      grid: gridOf(y.size, WORKGROUP),
    }),
  )
  return launches
}
