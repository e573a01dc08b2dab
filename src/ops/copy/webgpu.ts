import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'

const WORKGROUP = 256

/** u32, not f32: the bits of small integers are denormal floats, which a GPU may flush to zero. */
const copyRows = defineKernel({
  name: 'copyRows',
  bindings: { x: 'u32 view', y: 'u32 rw' },
  uniforms: { size: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      y[i] = x[u.xOffset + (i / u.width) * u.xStride + i % u.width];
    }`,
})

export function copy({
  inputs: { x },
  outputs: { y },
}: Call<CopyInputs, CopyOutputs, object>): WebGpuLaunch[] {
  return [
    launch(copyRows, {
      bindings: { x, y },
      uniforms: { size: x.size, width: x.width },
      constants: { WORKGROUP },
      grid: gridOf(x.size, WORKGROUP),
    }),
  ]
}
