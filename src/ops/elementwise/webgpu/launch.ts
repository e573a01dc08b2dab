import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
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

/** y = a ∘ b over four loops of n0 … n3; element steps of a and b along each. EVEN: one loop is all there is. */
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

const copyIntoKernel = defineKernel({
  name: 'copyInto',
  bindings: { x: 'u32 view', into: 'u32 rw' },
  uniforms: { size: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i < u.size) { into[i] = x[u.xOffset + (i / u.width) * u.xStride + i % u.width]; }
    }`,
})

const fillKernel = defineKernel({
  name: 'fill',
  bindings: { into: 'u32 rw' },
  uniforms: { size: 'u32', float: 'f32', integer: 'i32' },
  constants: { WORKGROUP: 'u32', FLOAT: 'bool' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i < u.size) { into[i] = select(bitcast<u32>(u.integer), bitcast<u32>(u.float), FLOAT); }
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
  const uniforms = { size: x.size, width: x.width }
  return [
    launch(copyIntoKernel, { bindings: { x, into }, uniforms, constants: { WORKGROUP }, grid: grid(x) }),
  ]
}

export function fill({
  inputs: { into },
  params: { value },
}: Call<FillInputs, NoOutputs, FillParams>): WebGpuLaunch[] {
  const FLOAT = into.dtype === 'f32'
  return [
    launch(fillKernel, {
      bindings: { into },
      uniforms: { size: into.size, float: FLOAT ? value : 0, integer: FLOAT ? 0 : value },
      constants: { WORKGROUP, FLOAT },
      grid: grid(into),
    }),
  ]
}
