import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Call } from '../../operation.ts'
import type { LtiDenseStatesBackward } from './op.ts'
import type { LtiDenseStatesInputs, LtiDenseStatesOutputs } from './types.ts'

const WORKGROUP = 128

/** A workgroup walks a sequence; the state before is read from where all its threads wrote it. */
const ltiDenseForward = defineKernel({
  name: 'ltiDenseForward',
  bindings: {
    v: 'f32',
    A: 'f32',
    initialState: 'f32?',
    reset: 'i32?',
    h: 'f32 rw',
    finalState: 'f32 rw',
  },
  uniforms: { batch: 'u32', length: 'u32', stateSize: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let b = flatGroup(group);
      if (b >= u.batch) { return; }
      for (var t = 0u; t < u.length; t++) {
        let token = b * u.length + t;
        var kept = true;
        if (HAS_RESET) { kept = reset[token] == 0; }
        for (var i = local; i < u.stateSize; i += WORKGROUP) {
          var sum = 0f;
          if (kept && t > 0) {
            for (var j = 0u; j < u.stateSize; j++) { sum += A[i * u.stateSize + j] * h[(token - 1) * u.stateSize + j]; }
          } else if (kept && HAS_INITIAL_STATE) {
            for (var j = 0u; j < u.stateSize; j++) { sum += A[i * u.stateSize + j] * initialState[b * u.stateSize + j]; }
          }
          let value = v[token * u.stateSize + i] + sum;
          h[token * u.stateSize + i] = value;
          if (t == u.length - 1) { finalState[b * u.stateSize + i] = value; }
        }
        storageBarrier();
      }
    }`,
})

const ltiDenseBackward = defineKernel({
  name: 'ltiDenseBackward',
  bindings: {
    A: 'f32',
    reset: 'i32?',
    dh: 'f32?',
    dFinalState: 'f32?',
    dv: 'f32 rw',
    dInitialState: 'f32? rw',
  },
  uniforms: { batch: 'u32', length: 'u32', stateSize: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    /** What dv at the token after, if it keeps the state, says of state j. */
    fn carried(after: u32, j: u32) -> f32 {
      if (HAS_RESET) { if (reset[after] != 0) { return 0; } }
      var sum = 0f;
      for (var i = 0u; i < u.stateSize; i++) { sum += A[i * u.stateSize + j] * dv[after * u.stateSize + i]; }
      return sum;
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let b = flatGroup(group);
      if (b >= u.batch) { return; }
      for (var back = 0u; back < u.length; back++) {
        let token = b * u.length + u.length - 1 - back;
        for (var j = local; j < u.stateSize; j += WORKGROUP) {
          var sum = 0f;
          if (back > 0) { sum = carried(token + 1, j); } else if (HAS_D_FINAL_STATE) { sum = dFinalState[b * u.stateSize + j]; }
          if (HAS_DH) { sum += dh[token * u.stateSize + j]; }
          dv[token * u.stateSize + j] = sum;
        }
        storageBarrier();
      }
      if (HAS_D_INITIAL_STATE) {
        for (var j = local; j < u.stateSize; j += WORKGROUP) {
          dInitialState[b * u.stateSize + j] = carried(b * u.length, j);
        }
      }
    }`,
})

/** dA [S, S] = Σ dv[t] h[t-1]ᵀ, an element a thread. */
const ltiDenseWeights = defineKernel({
  name: 'ltiDenseWeights',
  bindings: { h: 'f32', initialState: 'f32?', reset: 'i32?', dv: 'f32', dA: 'f32 rw' },
  uniforms: { batch: 'u32', length: 'u32', stateSize: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let e = flatGroup(group) * WORKGROUP + local;
      if (e >= u.stateSize * u.stateSize) { return; }
      let i = e / u.stateSize;
      let j = e % u.stateSize;
      var sum = 0f;
      for (var b = 0u; b < u.batch; b++) {
        for (var t = 0u; t < u.length; t++) {
          let token = b * u.length + t;
          if (HAS_RESET) { if (reset[token] != 0) { continue; } }
          var before = 0f;
          if (t > 0) {
            before = h[(token - 1) * u.stateSize + j];
          } else if (HAS_INITIAL_STATE) {
            before = initialState[b * u.stateSize + j];
          }
          sum += dv[token * u.stateSize + i] * before;
        }
      }
      dA[e] = sum;
    }`,
})

export function ltiDenseStates({
  inputs: { v, A, initialState, reset },
  outputs: { h, finalState },
}: Call<LtiDenseStatesInputs, LtiDenseStatesOutputs, object>): WebGpuLaunch[] {
  const [batch, length, stateSize] = dims(v, 3)
  return [
    launch(ltiDenseForward, {
      bindings: { v, A, initialState, reset, h, finalState },
      uniforms: { batch, length, stateSize },
      constants: { WORKGROUP },
      grid: gridOf(batch, 1),
    }),
  ]
}

export function ltiDenseStatesBackward({
  inputs: { h, A, initialState, reset, dh, dFinalState },
  outputs: { dv, dA, dInitialState },
}: LtiDenseStatesBackward): WebGpuLaunch[] {
  const [batch, length, stateSize] = dims(h, 3)
  const uniforms = { batch, length, stateSize }
  return [
    launch(ltiDenseBackward, {
      bindings: { A, reset, dh, dFinalState, dv, dInitialState },
      uniforms,
      constants: { WORKGROUP },
      grid: gridOf(batch, 1),
    }),
    launch(ltiDenseWeights, {
      bindings: { h, initialState, reset, dv, dA },
      uniforms,
      constants: { WORKGROUP },
      grid: gridOf(stateSize * stateSize, WORKGROUP),
    }),
  ]
}
