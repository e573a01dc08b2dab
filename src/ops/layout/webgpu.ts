import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import { part, type ConcatOutputs, type ConcatParams, type Parts } from './types.ts'

const WORKGROUP = 256

/** Writes x [rows, width], or zeros, to columns [start, start + width) of y [rows, total]. u32 keeps all bits. */
const writeColumns = defineKernel({
  name: 'writeColumns',
  bindings: { x: 'u32? view', y: 'u32 rw' },
  uniforms: { size: 'u32', width: 'u32', start: 'u32', total: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let row = i / u.width;
      let column = i % u.width;
      var value = 0u;
      if (HAS_X) { value = x[u.xOffset + row * u.xStride + column]; }
      y[row * u.total + u.start + column] = value;
    }`,
})

export function concat(call: Call<Parts, ConcatOutputs, ConcatParams>): WebGpuLaunch[] {
  const { y } = call.outputs
  let start = 0
  return call.params.widths.flatMap((width, i) => {
    const size = y.rows * width
    const uniforms = { size, width, start, total: y.width }
    start += width
    if (size === 0) return []
    const bindings = { x: call.inputs[part(i)], y }
    return [
      launch(writeColumns, { bindings, uniforms, constants: { WORKGROUP }, grid: gridOf(size, WORKGROUP) }),
    ]
  })
}
