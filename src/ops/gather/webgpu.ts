import { defineKernel, gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Call } from '../operation.ts'
import type {
  EmbeddingInputs,
  EmbeddingOutputs,
  ScatterAddInputs,
  ScatterAddOutputs,
  ScatterAddParams,
} from './types.ts'

const WORKGROUP = 256

/** One element of y [T, width] = weight[tokens] a thread; weight [count, width]. */
const embeddingRows = defineKernel({
  name: 'embeddingRows',
  bindings: { tokens: 'i32', weight: 'f32', y: 'f32 rw' },
  uniforms: { size: 'u32', width: 'u32', count: 'i32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let row = u32(clamp(tokens[i / u.width], 0, u.count - 1));
      y[i] = weight[row * u.width + i % u.width];
    }`,
})

/**
 * order [T]: the places t, sorted by index and then by t. A place's rank is the number of places before it,
 * counted by comparing with all others: quadratic in T, but no more than integers in workgroup memory, and
 * one launch.
 */
const scatterOrder = defineKernel({
  name: 'scatterOrder',
  bindings: { indices: 'i32', order: 'u32 rw' },
  uniforms: { T: 'u32', count: 'i32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    /** Larger than every index. */
    const NONE = 0x7fffffff;
    var<workgroup> tile: array<i32, WORKGROUP>;

    fn indexAt(t: u32) -> i32 {
      return select(NONE, clamp(indices[min(t, u.T - 1)], 0, u.count - 1), t < u.T);
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let t = flatGroup(group) * WORKGROUP + local;
      let own = indexAt(t);
      var rank = 0u;
      for (var start = 0u; start < u.T; start += WORKGROUP) {
        workgroupBarrier();
        tile[local] = indexAt(start + local);
        workgroupBarrier();
        for (var j = 0u; j < WORKGROUP; j++) {
          let other = tile[j];
          rank += u32(other < own || (other == own && start + j < t));
        }
      }
      if (t < u.T) { order[rank] = t; }
    }`,
})

/** starts [count + 1]: where in `order` each index begins, by bisection. */
const scatterStarts = defineKernel({
  name: 'scatterStarts',
  bindings: { indices: 'i32', order: 'u32', starts: 'u32 rw' },
  uniforms: { T: 'u32', count: 'i32' },
  constants: { WORKGROUP: 'u32' },
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let v = flatGroup(group) * WORKGROUP + local;
      if (v > u32(u.count)) { return; }
      var low = 0u;
      var high = u.T;
      while (low < high) {
        let middle = (low + high) / 2;
        if (u32(clamp(indices[order[middle]], 0, u.count - 1)) < v) { low = middle + 1; } else { high = middle; }
      }
      starts[v] = low;
    }`,
})

/**
 * y [count, width]: a workgroup sums COLUMNS columns of one row of y. The places of a row are dealt out to
 * WORKGROUP / COLUMNS lanes, whose sums are added in their order.
 */
const scatterSum = defineKernel({
  name: 'scatterSum',
  bindings: { rows: 'f32 view', order: 'u32', starts: 'u32', y: 'f32 rw' },
  uniforms: { count: 'u32', width: 'u32' },
  constants: { WORKGROUP: 'u32', COLUMNS: 'u32' },
  body: /* wgsl */ `
    const LANES = WORKGROUP / COLUMNS;
    var<workgroup> sums: array<f32, WORKGROUP>;

    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let blocks = (u.width + COLUMNS - 1) / COLUMNS;
      let row = flatGroup(group) / blocks;
      if (row >= u.count) { return; }
      let column = (flatGroup(group) % blocks) * COLUMNS + local % COLUMNS;
      let lane = local / COLUMNS;
      var sum = 0.0;
      if (column < u.width) {
        for (var i = starts[row] + lane; i < starts[row + 1]; i += LANES) {
          sum += rows[u.rowsOffset + order[i] * u.rowsStride + column];
        }
      }
      if (LANES > 1) {
        sums[local] = sum;
        workgroupBarrier();
        for (var other = 1u; other < LANES; other++) { sum += sums[(other * COLUMNS + local) % WORKGROUP]; }
      }
      if (lane == 0 && column < u.width) { y[row * u.width + column] = sum; }
    }`,
})

export function embedding({
  inputs: { tokens, weight },
  outputs: { y },
}: Call<EmbeddingInputs, EmbeddingOutputs, object>): WebGpuLaunch[] {
  return [
    launch(embeddingRows, {
      bindings: { tokens, weight, y },
      uniforms: { size: y.size, width: weight.width, count: weight.rows },
      constants: { WORKGROUP },
      grid: gridOf(y.size, WORKGROUP),
    }),
  ]
}

export function scatterAdd({
  inputs: { rows, indices },
  outputs: { y },
  params: { count },
  scratch,
}: Call<ScatterAddInputs, ScatterAddOutputs, ScatterAddParams>): WebGpuLaunch[] {
  const T = indices.size
  const { width } = rows
  const order = scratch([Math.max(T, 1)], 'u32')
  const starts = scratch([count + 1], 'u32')
  // Lanes pay where places are many for each row of y: a small vocabulary.
  const COLUMNS = T >= 8 * count || width <= 64 ? 64 : WORKGROUP
  const constants = { WORKGROUP }
  const uniforms = { T, count }
  return [
    launch(scatterOrder, { bindings: { indices, order }, uniforms, constants, grid: gridOf(T, WORKGROUP) }),
    launch(scatterStarts, {
      bindings: { indices, order, starts },
      uniforms,
      constants,
      grid: gridOf(count + 1, WORKGROUP),
    }),
    launch(scatterSum, {
      bindings: { rows, order, starts, y },
      uniforms: { count, width },
      constants: { WORKGROUP, COLUMNS },
      grid: gridOf(count * Math.ceil(width / COLUMNS), 1),
    }),
  ]
}
