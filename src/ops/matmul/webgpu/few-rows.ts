import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { BINDINGS, SHARED_WGSL, UNIFORMS } from './wgsl.ts'

/** Sums of an invocation for four rows of `a`: the lanes of a vector. */
export const SUMS_WGSL = /* wgsl */ `
    var<workgroup> sums: array<vec4f, 256>;`

const FOUR_ROWS_WGSL = /* wgsl */ `${SUMS_WGSL}
    fn fetchA(matrix: u32, m: u32, k: u32) -> vec4f {
      return vec4f(
        elementA(matrix, m, k, u.K),
        elementA(matrix, m + 1u, k, u.K),
        elementA(matrix, m + 2u, k, u.K),
        elementA(matrix, m + 3u, k, u.K));
    }`

/**
 * What a row of a holds at k, of four rows from m on; with SINGLE, of one. Nothing is asked before it is read, so that several
 * reads are under way together: beyond the edges, the last row and column are read, and what comes of them is dropped.
 */
export const ROWS_AT_WGSL = /* wgsl */ `
    fn rowsAt(matrix: u32, m: u32, k: u32) -> vec4f {
      if (SINGLE) { return vec4f(readA(matrix, m, k), 0.0, 0.0, 0.0); }
      return vec4f(
        readA(matrix, m, k), readA(matrix, m + 1u, k), readA(matrix, m + 2u, k), readA(matrix, m + 3u, k));
    }`

/** Rows of a as they are: the hooks that the kernels for few rows have for what is normalised on the way do nothing. */
export const PLAIN_ROWS_WGSL = /* wgsl */ `
    fn readA(matrix: u32, m: u32, k: u32) -> f32 {
      let start = u.aOffset + matrix * u.aBatch;
      let row = min(m, u.M - 1u);
      if (TRANSPOSE_A) { return a[start + k * u.aStride + row]; }
      return a[start + row * u.aStride + k];
    }
    fn scaleOf(k: u32) -> f32 { return 1.0; }
    fn see(x: vec4f, inside: bool) {}
    fn keepSquares(local: u32) {}
    fn keepTotal(group: vec3u, local: u32) {}
    fn addSquares(local: u32, other: u32) {}
    fn rootOf(local: u32, row: u32) -> f32 { return 1.0; }`

const constants = { TRANSPOSE_A: 'bool', TRANSPOSE_B: 'bool', KIND: 'u32', LANES: 'u32' } as const
export const DOT_CONSTANTS = { ...constants, SINGLE: 'bool' } as const

/** See `matmulDot`. */
export const DOT_WGSL = /* wgsl */ `
    /** Places along the inner axis that are read together. */
    const TOGETHER = 4u;

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let lane = local % LANES;
      let n = group.x * (256u / LANES) + local / LANES;
      let m = 4u * group.y;
      var sum = vec4f();
      let row = u.bOffset + group.z * u.bBatch + min(n, u.N - 1u) * u.bStride;
      for (var first = lane; first < u.K; first += TOGETHER * LANES) {
        for (var i = 0u; i < TOGETHER; i++) {
          let k = first + i * LANES;
          let at = min(k, u.K - 1u);
          let x = rowsAt(group.z, m, at);
          see(x, k < u.K);
          sum = select(sum, fma(vec4f(b[row + at] * scaleOf(at)), x, sum), k < u.K);
        }
      }
      keepTotal(group, local);
      sums[local] = sum;
      keepSquares(local);
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
          sums[local] += sums[local + half];
          addSquares(local, local + half);
        }
      }
      workgroupBarrier();
      if (lane < 4u) { finish(group.z, m + lane, n, sums[local - lane][lane] * rootOf(local - lane, lane)); }
    }`

/**
 * Four rows of a · bᵀ: LANES invocations read a row of b side by side and add up their parts. A workgroup has
 * 256 / LANES rows of b. Groups: (runs of columns of y, fours of rows, matrices).
 */
export const matmulDot = defineKernel({
  name: 'matmulDot',
  bindings: BINDINGS,
  uniforms: UNIFORMS,
  constants: DOT_CONSTANTS,
  body: `${SHARED_WGSL}${SUMS_WGSL}${PLAIN_ROWS_WGSL}${ROWS_AT_WGSL}${DOT_WGSL}`,
})

/**
 * Four rows of a · b: 256 / LANES invocations take a column of b each, LANES parts of the inner axis side by side.
 * Groups: (runs of columns, fours of rows, matrices).
 */
export const matmulColumns = defineKernel({
  name: 'matmulColumns',
  bindings: BINDINGS,
  uniforms: UNIFORMS,
  constants,
  body: `${SHARED_WGSL}${FOUR_ROWS_WGSL}
    const WIDTH = 256u / LANES;

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let lane = local / WIDTH;
      let n = group.x * WIDTH + local % WIDTH;
      let m = 4u * group.y;
      var sum = vec4f();
      for (var k = lane; k < u.K; k += LANES) {
        sum = fma(vec4f(elementB(group.z, k, n, u.K)), fetchA(group.z, m, k), sum);
      }
      sums[local] = sum;
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) { sums[local] += sums[local + half * WIDTH]; }
      }
      workgroupBarrier();
      if (lane < 4u) { finish(group.z, m + lane, n, sums[local % WIDTH][lane]); }
    }`,
})
