import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import { totalPart } from '../parts/workgroup-sum.ts'
import type {
  AdamWStepInputs,
  ClipFactorInputs,
  ClipFactorOutputs,
  ClipFactorParams,
  SumOfSquaresInputs,
  SumOfSquaresOutputs,
} from './types.ts'

const WORKGROUP = 256
/** Most partial sums of squares. */
const MAX_PARTS = 256
/** Elements that a thread sums at least. */
const PER_THREAD = 8

/** One step of AdamW; see `adamWStep` for the formula. One element a thread. */
const adamWStepKernel = defineKernel({
  name: 'adamWStep',
  bindings: {
    parameter: 'f32 rw',
    gradient: 'f32',
    m: 'f32 rw',
    v: 'f32 rw',
    hyper: 'f32',
    gradientScale: 'f32?',
  },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let lr = hyper[0];
      let beta1 = hyper[1];
      let beta2 = hyper[2];
      let eps = hyper[3];
      let weightDecay = hyper[4];
      var g = gradient[i];
      if (HAS_GRADIENT_SCALE) {
        let scale = gradientScale[0];
        if ((bitcast<u32>(scale) & 0x7f800000u) == 0x7f800000u) { return; }
        g *= scale;
      }
      let mean = beta1 * m[i] + (1.0 - beta1) * g;
      let square = beta2 * v[i] + (1.0 - beta2) * g * g;
      m[i] = mean;
      v[i] = square;
      parameter[i] = parameter[i] * (1.0 - lr * weightDecay)
        - (lr / hyper[5]) * mean / (sqrt(square / hyper[6]) + eps);
    }`,
})

/** partials [parts]: Σ x² of every parts-th workgroup of elements. */
const sumOfSquaresParts = defineKernel({
  name: 'sumOfSquaresParts',
  bindings: { x: 'f32', partials: 'f32 rw' },
  uniforms: { size: 'u32', parts: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [totalPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let step = u.parts * WORKGROUP;
      var sum = 0.0;
      for (var i = group.x * WORKGROUP + local; i < u.size; i += step) { sum += x[i] * x[i]; }
      sum = total(sum, local);
      if (local == 0) { partials[group.x] = sum; }
    }`,
})

/** total [1] = Σ x. One workgroup. */
const sumOfParts = defineKernel({
  name: 'sumOfParts',
  bindings: { x: 'f32', sumOfAll: 'f32 rw' },
  uniforms: { size: 'u32' },
  constants: { WORKGROUP: 'u32' },
  parts: [totalPart],
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(local_invocation_index) local: u32) {
      var sum = 0.0;
      for (var i = local; i < u.size; i += WORKGROUP) { sum += x[i]; }
      sum = total(sum, local);
      if (local == 0) { sumOfAll[0] = sum; }
    }`,
})

/**
 * norm [1] = sqrt(Σ squares); factor [1] = min(1, maxNorm / (norm + 1e-6)). maxNorm 0: no limit. One
 * workgroup.
 */
const clipFactorKernel = defineKernel({
  name: 'clipFactor',
  bindings: { squares: 'f32', norm: 'f32 rw', factor: 'f32 rw' },
  uniforms: { size: 'u32', maxNorm: 'f32' },
  constants: { WORKGROUP: 'u32' },
  parts: [totalPart],
  body: /* wgsl */ `
    /** The bits that are all set in what is not finite; with the next one, NaN. */
    const EXPONENT = 0x7f800000u;
    const NAN = 0x7fc00000u;
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(local_invocation_index) local: u32) {
      var sum = 0.0;
      for (var i = local; i < u.size; i += WORKGROUP) { sum += squares[i]; }
      sum = total(sum, local);
      if (local == 0) {
        let bits = bitcast<u32>(sum);
        if ((bits & EXPONENT) == EXPONENT) {
          norm[0] = sum;
          factor[0] = bitcast<f32>(bits | NAN);
        } else {
          let n = sqrt(sum);
          norm[0] = n;
          factor[0] = select(min(1.0, u.maxNorm / (n + 1e-6)), 1.0, u.maxNorm == 0.0);
        }
      }
    }`,
})

export function adamWStep({
  inputs: { parameter, gradient, m, v, hyper, gradientScale },
}: Call<AdamWStepInputs, object, object>): WebGpuLaunch[] {
  return [
    launch(adamWStepKernel, {
      bindings: { parameter, gradient, m, v, hyper, gradientScale },
      uniforms: { size: parameter.size },
      constants: { WORKGROUP },
      grid: gridOf(parameter.size, WORKGROUP),
    }),
  ]
}

export function sumOfSquares({
  inputs: { x },
  outputs: { squares },
  scratch,
}: Call<SumOfSquaresInputs, SumOfSquaresOutputs, object>): WebGpuLaunch[] {
  const parts = Math.min(MAX_PARTS, Math.max(1, Math.ceil(x.size / (WORKGROUP * PER_THREAD))))
  const constants = { WORKGROUP }
  const partials = parts === 1 ? squares : scratch([parts])
  const first = launch(sumOfSquaresParts, {
    bindings: { x, partials },
    uniforms: { size: x.size, parts },
    constants,
    grid: [parts],
  })
  if (parts === 1) return [first]
  const bindings = { x: partials, sumOfAll: squares }
  return [first, launch(sumOfParts, { bindings, uniforms: { size: parts }, constants, grid: [1] })]
}

export function clipFactor({
  inputs: { squares },
  outputs: { norm, factor },
  params: { maxNorm },
}: Call<ClipFactorInputs, ClipFactorOutputs, ClipFactorParams>): WebGpuLaunch[] {
  return [
    launch(clipFactorKernel, {
      bindings: { squares, norm, factor },
      uniforms: { size: squares.size, maxNorm },
      constants: { WORKGROUP },
      grid: [1],
    }),
  ]
}
