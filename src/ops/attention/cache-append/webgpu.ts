import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Call } from '../../operation.ts'
import type { CacheAppendInputs } from './types.ts'

const WORKGROUP = 256

const cacheAppendRows = defineKernel({
  name: 'cacheAppend',
  bindings: { cache: 'f32 rw', x: 'f32 view', past: 'i32' },
  uniforms: { size: 'u32', length: 'u32', width: 'u32', capacity: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let n = flatGroup(group) * WORKGROUP + local;
      if (n >= u.size) { return; }
      let row = n / u.width;
      let column = n % u.width;
      let b = row / u.length;
      let into = u32(past[b]) + row % u.length;
      if (into >= u.capacity) { return; }
      cache[(b * u.capacity + into) * u.width + column] = x[u.xOffset + row * u.xStride + column];
    }`,
})

export function cacheAppend({ inputs }: Call<CacheAppendInputs, object, object>): WebGpuLaunch[] {
  const { cache, x, past } = inputs
  return [
    launch(cacheAppendRows, {
      bindings: { cache, x, past },
      uniforms: { size: x.size, length: x.shape[1], width: x.width, capacity: cache.shape[1] },
      constants: { WORKGROUP },
      grid: gridOf(x.size, WORKGROUP),
    }),
  ]
}
