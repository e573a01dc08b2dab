import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import { part, type ConcatOutputs, type ConcatParams, type Parts } from './types.ts'

const WORKGROUP = 256

/**
 * Writes x [rows, width], or zeros, to columns [start, start + width) of y [rows, total]. Words keep all
 * bits.
 */
const writeColumns = defineKernel({
  name: 'writeColumns',
  bindings: { x: 'word? view', y: 'word rw' },
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

/**
 * The same of halves. An invocation owns a word of y, and writes those of its two halves that lie in the
 * columns.
 */
const writeHalfColumns = defineKernel({
  name: 'writeHalfColumns',
  bindings: { x: 'f16? view', y: 'f16 rw' },
  uniforms: { size: 'u32', width: 'u32', start: 'u32', total: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    // Element i of y after this launch, from what it was before.
    fn after(before: u32, i: u32) -> u32 {
      let column = i % u.total - u.start;
      if (i >= u.size || column >= u.width) { return before; }
      if (HAS_X) { return xHalf(u.xOffset + (i / u.total) * u.xStride + column); }
      return 0u;
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let word = flatGroup(group) * WORKGROUP + local;
      let i = 2u * word;
      if (i >= u.size) { return; }
      let before = y[word];
      y[word] = after(before & 0xffffu, i) | (after(before >> 16u, i + 1u) << 16u);
    }`,
})

export function concat(call: Call<Parts, ConcatOutputs, ConcatParams>): WebGpuLaunch[] {
  const { y } = call.outputs
  let start = 0
  return call.params.widths.flatMap((width, i) => {
    const bindings = { x: call.inputs[part(i)], y }
    const uniforms = { width, start, total: y.width }
    const constants = { WORKGROUP }
    start += width
    if (y.rows * width === 0) return []
    if (y.dtype === 'f16') {
      const grid = gridOf(Math.ceil(y.size / 2), WORKGROUP)
      return [
        launch(writeHalfColumns, { bindings, uniforms: { ...uniforms, size: y.size }, constants, grid }),
      ]
    }
    const size = y.rows * width
    const grid = gridOf(size, WORKGROUP)
    return [launch(writeColumns, { bindings, uniforms: { ...uniforms, size }, constants, grid })]
  })
}
