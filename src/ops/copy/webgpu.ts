import type { Tensor } from '../../tensor/tensor.ts'
import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'

const WORKGROUP = 256

/** Words, not floats: the bits of small integers are denormal floats, which a GPU may flush to zero. */
const copyWords = defineKernel({
  name: 'copyWords',
  bindings: { x: 'word view', y: 'word rw' },
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

/**
 * An invocation writes two halves, a whole word. Behind an odd size, the upper half of the last word stays as
 * it is.
 */
const copyHalves = defineKernel({
  name: 'copyHalves',
  bindings: { x: 'f16 view', y: 'f16 rw' },
  uniforms: { size: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    fn element(i: u32) -> u32 { return xHalf(u.xOffset + (i / u.width) * u.xStride + i % u.width); }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let word = flatGroup(group) * WORKGROUP + local;
      let i = 2u * word;
      if (i >= u.size) { return; }
      var high = y[word] >> 16u;
      if (i + 1u < u.size) { high = element(i + 1u); }
      y[word] = element(i) | (high << 16u);
    }`,
})

/** y = x, of the same dtype; the rows of x any stride apart. */
export function copyRows(x: Tensor, y: Tensor): WebGpuLaunch {
  const values = { bindings: { x, y }, uniforms: { size: x.size, width: x.width }, constants: { WORKGROUP } }
  return x.dtype === 'f16'
    ? launch(copyHalves, { ...values, grid: gridOf(Math.ceil(x.size / 2), WORKGROUP) })
    : launch(copyWords, { ...values, grid: gridOf(x.size, WORKGROUP) })
}

export function copy({
  inputs: { x },
  outputs: { y },
}: Call<CopyInputs, CopyOutputs, object>): WebGpuLaunch[] {
  return [copyRows(x, y)]
}
