import { bytesOf, wordOf } from '../../../devices/dtype.ts'
import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { copyRows } from '../../copy/webgpu.ts'
import type { Call } from '../../operation.ts'
import { loopsOf } from '../loops.ts'
import {
  OPERATORS,
  type BinaryInputs,
  type BinaryOutputs,
  type BinaryParams,
  type FillInputs,
  type FillParams,
  type IntoInputs,
  type NoOutputs,
  type ScaleInputs,
  type ScaleOutputs,
  type ScaleParams,
} from '../types.ts'

const WORKGROUP = 256
const grid = (x: Tensor): ReturnType<typeof gridOf> => gridOf(x.size, WORKGROUP)

/**
 * y = a ∘ b over four loops of n0 … n3; element steps of a and b along each. EVEN: one loop is all there is.
 */
const binaryKernel = defineKernel({
  name: 'binary',
  bindings: { a: 'f32 view', b: 'f32 view', y: 'f32 rw' },
  uniforms: {
    size: 'u32',
    n1: 'u32',
    n2: 'u32',
    n3: 'u32',
    a0: 'u32',
    a1: 'u32',
    a2: 'u32',
    a3: 'u32',
    b0: 'u32',
    b1: 'u32',
    b2: 'u32',
    b3: 'u32',
  },
  constants: { WORKGROUP: 'u32', OPERATOR: 'u32', EVEN: 'bool' },
  body: /* wgsl */ `
    fn combine(p: f32, q: f32) -> f32 {
      switch OPERATOR {
        case 0u: { return p + q; }
        case 1u: { return p - q; }
        case 2u: { return p * q; }
        default: { return p / q; }
      }
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      if (EVEN) {
        y[i] = combine(a[u.aOffset + i * u.a3], b[u.bOffset + i * u.b3]);
        return;
      }
      let i3 = i % u.n3;
      let rest3 = i / u.n3;
      let i2 = rest3 % u.n2;
      let rest2 = rest3 / u.n2;
      let i1 = rest2 % u.n1;
      let i0 = rest2 / u.n1;
      let atA = u.aOffset + i0 * u.a0 + i1 * u.a1 + i2 * u.a2 + i3 * u.a3;
      let atB = u.bOffset + i0 * u.b0 + i1 * u.b1 + i2 * u.b2 + i3 * u.b3;
      y[i] = combine(a[atA], b[atB]);
    }`,
})

const scaleKernel = defineKernel({
  name: 'scale',
  bindings: { x: 'f32', y: 'f32 rw' },
  uniforms: { size: 'u32', factor: 'f32', shift: 'f32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i < u.size) { y[i] = u.factor * x[i] + u.shift; }
    }`,
})

const accumulateBody = /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i < u.size) { into[i] += x[i]; }
    }`

const accumulateFloats = defineKernel({
  name: 'accumulateFloats',
  bindings: { x: 'f32', into: 'f32 rw' },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: accumulateBody,
})

const accumulateIntegers = defineKernel({
  name: 'accumulateIntegers',
  bindings: { x: 'i32', into: 'i32 rw' },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: accumulateBody,
})

/**
 * Whole words of one value. Behind an odd number of halves, the bits `kept` of the last word stay as they
 * are.
 */
const fillKernel = defineKernel({
  name: 'fill',
  bindings: { into: 'word rw' },
  uniforms: { words: 'u32', value: 'u32', kept: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.words) { return; }
      var word = u.value;
      if (i + 1u == u.words && u.kept != 0u) { word = (into[i] & u.kept) | (word & ~u.kept); }
      into[i] = word;
    }`,
})

export function binary({
  inputs: { a, b },
  outputs: { y },
  params,
}: Call<BinaryInputs, BinaryOutputs, BinaryParams>): WebGpuLaunch[] {
  const loops = loopsOf(a, b)
  const [n0, n1, n2, n3] = loops.sizes
  const [a0, a1, a2, a3] = loops.a
  const [b0, b1, b2, b3] = loops.b
  return [
    launch(binaryKernel, {
      bindings: { a, b, y },
      uniforms: { size: y.size, n1, n2, n3, a0, a1, a2, a3, b0, b1, b2, b3 },
      constants: { WORKGROUP, OPERATOR: OPERATORS.indexOf(params.operator), EVEN: n0 * n1 * n2 === 1 },
      grid: grid(y),
    }),
  ]
}

export function scale({
  inputs: { x },
  outputs: { y },
  params: { factor, shift },
}: Call<ScaleInputs, ScaleOutputs, ScaleParams>): WebGpuLaunch[] {
  const uniforms = { size: x.size, factor, shift }
  return [launch(scaleKernel, { bindings: { x, y }, uniforms, constants: { WORKGROUP }, grid: grid(x) })]
}

export function accumulate({ inputs: { into, x } }: Call<IntoInputs, NoOutputs, object>): WebGpuLaunch[] {
  const values = {
    bindings: { x, into },
    uniforms: { size: x.size },
    constants: { WORKGROUP },
    grid: grid(x),
  }
  return [into.dtype === 'f32' ? launch(accumulateFloats, values) : launch(accumulateIntegers, values)]
}

export function copyInto({ inputs: { into, x } }: Call<IntoInputs, NoOutputs, object>): WebGpuLaunch[] {
  return [copyRows(x, into)]
}

export function fill({
  inputs: { into },
  params: { value },
}: Call<FillInputs, NoOutputs, FillParams>): WebGpuLaunch[] {
  const bytes = into.size * bytesOf(into.dtype)
  const words = Math.ceil(bytes / 4)
  return [
    launch(fillKernel, {
      bindings: { into },
      uniforms: { words, value: wordOf(into.dtype, value), kept: bytes % 4 === 0 ? 0 : 0xffff0000 },
      constants: { WORKGROUP },
      grid: gridOf(words, WORKGROUP),
    }),
  ]
}
