import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Call } from '../../operation.ts'
import { ACTIVATIONS } from '../kinds.ts'
import type { ActivationBackward } from '../op.ts'
import type { ActivationInputs, ActivationOutputs, ActivationParams } from '../types.ts'
import { activationPart } from '../../parts/activation.ts'

const WORKGROUP = 256

const activationForward = defineKernel({
  name: 'activation',
  bindings: { x: 'f32', y: 'f32 rw' },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32', KIND: 'u32' },
  parts: [activationPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      y[i] = activate(KIND, x[i]);
    }`,
})

const activationBackwardKernel = defineKernel({
  name: 'activationBackward',
  bindings: { x: 'f32', dy: 'f32', dx: 'f32 rw' },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32', KIND: 'u32' },
  parts: [activationPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      dx[i] = dy[i] * activateSlope(KIND, x[i]);
    }`,
})

export function activation(
  call: Call<ActivationInputs, ActivationOutputs, ActivationParams>,
): WebGpuLaunch[] {
  const { x } = call.inputs
  return [
    launch(activationForward, {
      bindings: { x, y: call.outputs.y },
      uniforms: { size: x.size },
      constants: { WORKGROUP, KIND: ACTIVATIONS.indexOf(call.params.kind) },
      grid: gridOf(x.size, WORKGROUP),
    }),
  ]
}

export function activationBackward(call: ActivationBackward): WebGpuLaunch[] {
  const { x, dy } = call.inputs
  return [
    launch(activationBackwardKernel, {
      bindings: { x, dy, dx: call.outputs.dx },
      uniforms: { size: x.size },
      constants: { WORKGROUP, KIND: ACTIVATIONS.indexOf(call.params.kind) },
      grid: gridOf(x.size, WORKGROUP),
    }),
  ]
}
