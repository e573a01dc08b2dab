import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import type { Call } from '../../operation.ts'
import { inverseRootPart } from '../../parts/inverse-root.ts'
import { totalPart } from '../../parts/workgroup-sum.ts'
import type { NormInputs, NormOutputs, NormParams } from '../types.ts'

/** Threads that share a group of channels. */
export const threadsFor = (groupSize: number): number => (groupSize <= 256 ? 64 : 256)

/** The logistic function of gates. */
export const gatePart = part({
  name: 'gate',
  needs: [],
  gives: ['sigmoid'],
  text: /* wgsl */ `
    fn sigmoid(x: f32) -> f32 {
      return 1.0 / (1.0 + exp(min(-x, 88.0)));
    }`,
})

/**
 * A workgroup normalises one group of channels of one row; an invocation keeps its PER channels. Beyond the
 * edge the last channel is read, so that nothing is asked before a read: all of them are under way together.
 */
const normForward = defineKernel({
  name: 'normForward',
  bindings: {
    x: 'f32 view',
    residual: 'f32?',
    weight: 'f32?',
    bias: 'f32?',
    z: 'f32? view',
    y: 'f32 rw',
    sum: 'f32? rw',
  },
  uniforms: { rows: 'u32', width: 'u32', groupSize: 'u32', eps: 'f32' },
  constants: { WORKGROUP: 'u32', PER: 'u32', CENTER: 'bool', NORM_BEFORE_GATE: 'bool' },
  parts: [totalPart, inverseRootPart, gatePart],
  body: /* wgsl */ `
    fn gateAt(row: u32, i: u32) -> f32 {
      let gate = z[u.zOffset + row * u.zStride + i];
      return gate * sigmoid(gate);
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let groups = u.width / u.groupSize;
      let item = flatGroup(group);
      if (item >= u.rows * groups) { return; }
      let row = item / groups;
      let start = (item % groups) * u.groupSize;
      var kept: array<f32, PER>;

      for (var j = 0u; j < PER; j++) {
        let within = local + j * WORKGROUP;
        let i = start + min(within, u.groupSize - 1u);
        kept[j] = x[u.xOffset + row * u.xStride + i];
        if (HAS_RESIDUAL) {
          kept[j] += residual[row * u.width + i];
          if (within < u.groupSize) { sum[row * u.width + i] = kept[j]; }
        }
        if (HAS_Z && !NORM_BEFORE_GATE) { kept[j] *= gateAt(row, i); }
      }
      var part = 0.0;
      for (var j = 0u; j < PER; j++) {
        if (local + j * WORKGROUP < u.groupSize) { part += select(kept[j] * kept[j], kept[j], CENTER); }
      }
      var mu = 0.0;
      if (CENTER) {
        mu = total(part, local) / f32(u.groupSize);
        part = 0.0;
        for (var j = 0u; j < PER; j++) {
          let v = kept[j] - mu;
          if (local + j * WORKGROUP < u.groupSize) { part += v * v; }
        }
      }
      let r = inverseRoot(total(part, local) / f32(u.groupSize) + u.eps);
      for (var j = 0u; j < PER; j++) {
        let within = local + j * WORKGROUP;
        if (within >= u.groupSize) { continue; }
        let i = start + within;
        var v = (kept[j] - mu) * r;
        if (HAS_WEIGHT) { v *= weight[i]; }
        if (HAS_BIAS) { v += bias[i]; }
        if (HAS_Z && NORM_BEFORE_GATE) { v *= gateAt(row, i); }
        y[row * u.width + i] = v;
      }
    }`,
})

export function norm({ inputs, outputs, params }: Call<NormInputs, NormOutputs, NormParams>): WebGpuLaunch[] {
  const { x, residual, weight, bias, z } = inputs
  const { y, sum } = outputs
  const { eps, center, groupSize = x.width, normBeforeGate = false } = params
  const WORKGROUP = threadsFor(groupSize)
  const PER = Math.ceil(groupSize / WORKGROUP)
  return [
    launch(normForward, {
      bindings: { x, residual, weight, bias, z, y, sum },
      uniforms: { rows: x.rows, width: x.width, groupSize, eps },
      constants: { WORKGROUP, PER, CENTER: center, NORM_BEFORE_GATE: normBeforeGate },
      grid: gridOf(x.rows * (x.width / groupSize), 1),
    }),
  ]
}
