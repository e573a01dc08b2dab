import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import type { FlipInputs, FlipOutputs } from './types.ts'

const WORKGROUP = 256

/** Words, not floats: the bits of small integers are denormal floats, which a GPU may flush to zero. */
const flipRows = defineKernel({
  name: 'flip',
  bindings: { x: 'word view', y: 'word rw' },
  uniforms: { size: 'u32', length: 'u32', inner: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let row = i / u.width;
      let t = (row / u.inner) % u.length;
      let source = row + (u.length - 1u) * u.inner - 2u * t * u.inner;
      y[i] = x[u.xOffset + source * u.xStride + i % u.width];
    }`,
})

export function flip({
  inputs: { x },
  outputs: { y },
}: Call<FlipInputs, FlipOutputs, object>): WebGpuLaunch[] {
  const [batch, length] = x.shape
  return [
    launch(flipRows, {
      bindings: { x, y },
      uniforms: { size: x.size, length, inner: x.rows / (batch * length), width: x.width },
      constants: { WORKGROUP },
      grid: gridOf(x.size, WORKGROUP),
    }),
  ]
}
