import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Call } from '../../operation.ts'
import type { CastInputs, CastOutputs, CastParams } from '../types.ts'

const WORKGROUP = 256

/**
 * Both kernels compute with integers on the bits: what WGSL's own conversions make of subnormal numbers,
 * infinities and NaN, and how they round, is left to the GPU. They bind f32 as words for the same reason.
 *
 * An invocation writes two halves, a whole word.
 */
const castToHalf = defineKernel({
  name: 'castToHalf',
  bindings: { x: 'word view', y: 'f16 rw' },
  uniforms: { size: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    fn halfOf(bits: u32) -> u32 {
      let sign = (bits >> 16u) & 0x8000u;
      let magnitude = bits & 0x7fffffffu;
      if (magnitude > 0x7f800000u) { return sign | 0x7e00u; }
      if (magnitude >= 0x477ff000u) { return sign | 0x7c00u; }
      if (magnitude >= 0x38800000u) {
        let rebased = magnitude - 0x38000000u;
        return sign | ((rebased + 0xfffu + ((rebased >> 13u) & 1u)) >> 13u);
      }
      // A subnormal half: the significand times 2^(exponent - 126), ties to even. Below 2^-25 all are zero.
      let exponent = magnitude >> 23u;
      if (exponent < 102u) { return sign; }
      let shift = 126u - exponent;
      let significand = (magnitude & 0x7fffffu) | 0x800000u;
      let odd = (significand >> shift) & 1u;
      return sign | ((significand + (1u << (shift - 1u)) - 1u + odd) >> shift);
    }

    fn element(i: u32) -> u32 { return halfOf(x[u.xOffset + (i / u.width) * u.xStride + i % u.width]); }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let word = flatGroup(group) * WORKGROUP + local;
      let i = 2u * word;
      if (i >= u.size) { return; }
      var high = 0u;
      if (i + 1u < u.size) { high = element(i + 1u); }
      y[word] = element(i) | (high << 16u);
    }`,
})

const castToFloat = defineKernel({
  name: 'castToFloat',
  bindings: { x: 'f16 view', y: 'word rw' },
  uniforms: { size: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    fn floatOf(half: u32) -> u32 {
      let sign = (half & 0x8000u) << 16u;
      let magnitude = half & 0x7fffu;
      if (magnitude >= 0x7c00u) { return sign | 0x7f800000u | (magnitude << 13u); }
      if (magnitude >= 0x400u) { return sign | ((magnitude << 13u) + 0x38000000u); }
      // A subnormal half is an integer times 2^-24.
      return sign | bitcast<u32>(f32(magnitude) * 5.9604644775390625e-8);
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      y[i] = floatOf(xHalf(u.xOffset + (i / u.width) * u.xStride + i % u.width));
    }`,
})

export function cast({
  inputs: { x },
  outputs: { y },
  params: { dtype },
}: Call<CastInputs, CastOutputs, CastParams>): WebGpuLaunch[] {
  const values = { bindings: { x, y }, uniforms: { size: x.size, width: x.width }, constants: { WORKGROUP } }
  return [
    dtype === 'f16'
      ? launch(castToHalf, { ...values, grid: gridOf(Math.ceil(x.size / 2), WORKGROUP) })
      : launch(castToFloat, { ...values, grid: gridOf(x.size, WORKGROUP) }),
  ]
}
