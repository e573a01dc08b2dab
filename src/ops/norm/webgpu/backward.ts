import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { NormBackward } from '../op.ts'
import type { NormInputs } from '../types.ts'
import { inverseRootPart } from '../../parts/inverse-root.ts'
import { totalPart } from '../../parts/workgroup-sum.ts'
import { gatePart, threadsFor } from './forward.ts'

const COLUMNS = 64
/** Rows that one thread sums for a column. */
const ROWS = 32

/**
 * A workgroup takes one group of channels of one row. stats [rows, groups, 2] are mu and r. dx holds v until
 * the end.
 */
const normBackwardKernel = defineKernel({
  name: 'normBackward',
  bindings: {
    x: 'f32 view',
    weight: 'f32?',
    bias: 'f32?',
    z: 'f32? view',
    dy: 'f32',
    dSum: 'f32?',
    dx: 'f32 rw',
    dz: 'f32? rw',
    stats: 'f32 rw',
  },
  uniforms: { rows: 'u32', width: 'u32', groupSize: 'u32', eps: 'f32' },
  constants: { WORKGROUP: 'u32', CENTER: 'bool', NORM_BEFORE_GATE: 'bool' },
  parts: [totalPart, inverseRootPart, gatePart],
  body: /* wgsl */ `
    fn gateOf(row: u32, i: u32) -> f32 {
      return z[u.zOffset + row * u.zStride + i];
    }

    /** Gradient of n. */
    fn dnOf(row: u32, i: u32) -> f32 {
      var dn = dy[row * u.width + i];
      if (HAS_WEIGHT) { dn *= weight[i]; }
      if (HAS_Z && NORM_BEFORE_GATE) {
        let gate = gateOf(row, i);
        dn *= gate * sigmoid(gate);
      }
      return dn;
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let groups = u.width / u.groupSize;
      let item = flatGroup(group);
      if (item >= u.rows * groups) { return; }
      let row = item / groups;
      let start = (item % groups) * u.groupSize;
      let end = start + u.groupSize;
      let size = f32(u.groupSize);

      var part = 0.0;
      for (var i = start + local; i < end; i += WORKGROUP) {
        var v = x[u.xOffset + row * u.xStride + i];
        if (HAS_Z && !NORM_BEFORE_GATE) {
          let gate = gateOf(row, i);
          v *= gate * sigmoid(gate);
        }
        dx[row * u.width + i] = v;
        part += select(v * v, v, CENTER);
      }
      var mu = 0.0;
      if (CENTER) {
        mu = total(part, local) / size;
        part = 0.0;
        for (var i = start + local; i < end; i += WORKGROUP) {
          let v = dx[row * u.width + i] - mu;
          part += v * v;
        }
      }
      let r = inverseRoot(total(part, local) / size + u.eps);
      if (local == 0u) {
        stats[2u * item] = mu;
        stats[2u * item + 1u] = r;
      }

      var partNdn = 0.0;
      var partDn = 0.0;
      for (var i = start + local; i < end; i += WORKGROUP) {
        let dn = dnOf(row, i);
        partNdn += (dx[row * u.width + i] - mu) * r * dn;
        partDn += dn;
      }
      let meanNdn = total(partNdn, local) / size;
      var meanDn = 0.0;
      if (CENTER) { meanDn = total(partDn, local) / size; }

      for (var i = start + local; i < end; i += WORKGROUP) {
        let at = row * u.width + i;
        let n = (dx[at] - mu) * r;
        var dv = (dnOf(row, i) - n * meanNdn - meanDn) * r;
        if (HAS_Z) {
          let gate = gateOf(row, i);
          let s = sigmoid(gate);
          var dgate = 0.0;
          if (NORM_BEFORE_GATE) {
            var a = n;
            if (HAS_WEIGHT) { a *= weight[i]; }
            if (HAS_BIAS) { a += bias[i]; }
            dgate = dy[at] * a;
          } else {
            dgate = dv * x[u.xOffset + row * u.xStride + i];
            dv *= gate * s;
          }
          dz[at] = dgate * s * (1.0 + gate * (1.0 - s));
        }
        if (HAS_D_SUM) { dv += dSum[at]; }
        dx[at] = dv;
      }
    }`,
})

/**
 * dWeightBlocks, dBiasBlocks [blocks, width]: sums over the ROWS rows of a block, a thread for each column.
 */
const normBackwardColumns = defineKernel({
  name: 'normBackwardColumns',
  bindings: {
    x: 'f32 view',
    z: 'f32? view',
    dy: 'f32',
    stats: 'f32',
    dWeightBlocks: 'f32? rw',
    dBiasBlocks: 'f32? rw',
  },
  uniforms: { rows: 'u32', width: 'u32', groupSize: 'u32', columnGroups: 'u32' },
  constants: { COLUMNS: 'u32', ROWS: 'u32', NORM_BEFORE_GATE: 'bool' },
  body: /* wgsl */ `
    @compute @workgroup_size(COLUMNS)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let item = flatGroup(group);
      let block = item / u.columnGroups;
      let i = (item % u.columnGroups) * COLUMNS + local;
      if (i >= u.width || block * ROWS >= u.rows) { return; }
      let groups = u.width / u.groupSize;
      var dWeight = 0.0;
      var dBias = 0.0;
      for (var row = block * ROWS; row < min((block + 1u) * ROWS, u.rows); row++) {
        var v = x[u.xOffset + row * u.xStride + i];
        var da = dy[row * u.width + i];
        if (HAS_Z) {
          let gate = z[u.zOffset + row * u.zStride + i];
          let silu = gate / (1.0 + exp(min(-gate, 88.0)));
          if (NORM_BEFORE_GATE) { da *= silu; } else { v *= silu; }
        }
        let at = 2u * (row * groups + i / u.groupSize);
        dWeight += da * (v - stats[at]) * stats[at + 1u];
        dBias += da;
      }
      if (HAS_D_WEIGHT_BLOCKS) { dWeightBlocks[block * u.width + i] = dWeight; }
      if (HAS_D_BIAS_BLOCKS) { dBiasBlocks[block * u.width + i] = dBias; }
    }`,
})

/** y [width] = Σ over blocks of x [blocks, width], in their order. */
const normSumBlocks = defineKernel({
  name: 'normSumBlocks',
  bindings: { x: 'f32', y: 'f32 rw' },
  uniforms: { blocks: 'u32', width: 'u32' },
  constants: { COLUMNS: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(COLUMNS)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * COLUMNS + local;
      if (i >= u.width) { return; }
      var sum = 0.0;
      for (var block = 0u; block < u.blocks; block++) { sum += x[block * u.width + i]; }
      y[i] = sum;
    }`,
})

export function normBackward({ inputs, outputs, params, scratch }: NormBackward): WebGpuLaunch[] {
  const { x, weight, bias, z, dy, dSum } = inputs
  const { dx, dz, dWeight, dBias } = outputs
  const { rows, width } = x
  const { eps, center, groupSize = width, normBeforeGate = false } = params
  const items = rows * (width / groupSize)
  const stats = scratch([items, 2])
  const launches = [
    launch(normBackwardKernel, {
      bindings: { x, weight, bias, z, dy, dSum, dx, dz, stats },
      uniforms: { rows, width, groupSize, eps },
      constants: { WORKGROUP: threadsFor(groupSize), CENTER: center, NORM_BEFORE_GATE: normBeforeGate },
      grid: gridOf(items, 1),
    }),
  ]
  if (!dWeight && !dBias) return launches
  const blocks = Math.ceil(rows / ROWS)
  const dWeightBlocks = dWeight && scratch([blocks, width])
  const dBiasBlocks = dBias && scratch([blocks, width])
  const columnGroups = Math.ceil(width / COLUMNS)
  launches.push(
    launch(normBackwardColumns, {
      bindings: { x, z, dy, stats, dWeightBlocks, dBiasBlocks },
      uniforms: { rows, width, groupSize, columnGroups },
      constants: { COLUMNS, ROWS, NORM_BEFORE_GATE: normBeforeGate },
      grid: gridOf(columnGroups * blocks, 1),
    }),
  )
  if (dWeight) launches.push(sumBlocks(dWeightBlocks!, dWeight, blocks))
  if (dBias) launches.push(sumBlocks(dBiasBlocks!, dBias, blocks))
  return launches
}

/** y [...] = the sum of the blocks of x [blocks, ...], in their order. */
export function sumBlocks(x: NormInputs['x'], y: NormInputs['x'], blocks: number): WebGpuLaunch {
  return launch(normSumBlocks, {
    bindings: { x, y },
    uniforms: { blocks, width: y.size },
    constants: { COLUMNS },
    grid: gridOf(y.size, COLUMNS),
  })
}
