import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { COLUMNS_CONSTANTS, DOT_CONSTANTS, dotPart, plainParts, plainSumsPart } from '../../parts/few-rows.ts'
import {
  alignedAPart,
  alignedBPart,
  BINDINGS,
  elementAPart,
  elementBPart,
  finishParts,
  putPart,
  TILE_CONSTANTS,
  TILE_UNIFORMS,
  UNIFORMS,
} from '../../parts/product.ts'
import { placeBPart, tile128Parts } from '../../parts/tile-128.ts'
import { fetchAPart, fetchBPart, tile64Part, tilesPart } from '../../parts/tile-64.ts'

/** Up to four rows of a · bᵀ: see `dotPart`. */
export const matmulDot = defineKernel({
  name: 'matmulDot',
  bindings: BINDINGS,
  uniforms: UNIFORMS,
  constants: DOT_CONSTANTS,
  parts: [...finishParts, ...plainParts, dotPart],
  body: /* wgsl */ `
    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) { dot(group, local); }`,
})

/**
 * Four rows of a · b: 256 / LANES invocations take a column of b each, LANES parts of the inner axis side by
 * side. Groups: (runs of columns, fours of rows, matrices).
 */
export const matmulColumns = defineKernel({
  name: 'matmulColumns',
  bindings: BINDINGS,
  uniforms: UNIFORMS,
  constants: COLUMNS_CONSTANTS,
  parts: [...finishParts, elementAPart, elementBPart, fetchAPart, plainSumsPart],
  body: /* wgsl */ `
    const WIDTH = 256u / LANES;

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let lane = local / WIDTH;
      let n = group.x * WIDTH + local % WIDTH;
      let m = 4u * group.y;
      var sum = vec4f();
      for (var k = lane; k < u.K; k += LANES) {
        sum = fma(vec4f(elementB(group.z, k, n, u.K)), fetchA(group.z, m, k, u.K), sum);
      }
      keepSums(local, sum);
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) { joinSums(local, local + half * WIDTH); }
      }
      workgroupBarrier();
      if (lane < 4u) { finish(group.z, m + lane, n, sumOf(local % WIDTH, lane)); }
    }`,
})

export const matmulTile64 = defineKernel({
  name: 'matmulTile64',
  bindings: BINDINGS,
  uniforms: { ...UNIFORMS, ...TILE_UNIFORMS },
  constants: { ...TILE_CONSTANTS, TRANSPOSE_B: 'bool' },
  parts: [...finishParts, elementAPart, elementBPart, putPart, fetchAPart, fetchBPart, tilesPart, tile64Part],
})

/** For operands of which rows, offsets and the distances of rows and matrices are multiples of four. */
export const matmulTile128 = defineKernel({
  name: 'matmulTile128',
  bindings: { ...BINDINGS, a: 'vec4f view', b: 'vec4f view' },
  uniforms: { ...UNIFORMS, ...TILE_UNIFORMS },
  constants: { ...TILE_CONSTANTS, TRANSPOSE_B: 'bool' },
  parts: [...finishParts, putPart, alignedAPart, alignedBPart, placeBPart, ...tile128Parts],
})

/**
 * y from partial sums [splits, size]: always in the same order, with the epilogue. An invocation for each
 * element.
 */
export const matmulCombine = defineKernel({
  name: 'matmulCombine',
  bindings: { parts: 'f32', bias: 'f32?', residual: 'f32?', pre: 'f32? rw', y: 'f32 rw' },
  uniforms: { M: 'u32', N: 'u32', size: 'u32', splits: 'u32' },
  constants: { WORKGROUP: 'u32', KIND: 'u32' },
  parts: finishParts,
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      var sum = 0.0;
      for (var split = 0u; split < u.splits; split++) { sum += parts[split * u.size + i]; }
      let row = i / u.N;
      finish(row / u.M, row % u.M, i % u.N, sum);
    }`,
})
