/** Parts that the kernels of a product share. Their bindings and uniforms are named alike. */
import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { ACTIVATION_WGSL } from '../../activation/webgpu/wgsl.ts'

/**
 * f(x + bias) + residual at row m, column n of a matrix. With SPLIT, x is one part of a sum: it is kept as it is, and
 * `matmulCombine` does the rest.
 */
export const FINISH_WGSL = /* wgsl */ `
    fn finish(matrix: u32, m: u32, n: u32, sum: f32) {
      if (m >= u.M || n >= u.N) { return; }
      let i = (matrix * u.M + m) * u.N + n;
      var x = sum;
      if (HAS_BIAS) { x += bias[n]; }
      if (HAS_PRE) { pre[i] = x; }
      x = activate(KIND, x);
      if (HAS_RESIDUAL) { x += residual[i]; }
      y[i] = x;
    }`

/**
 * Elements of a, whichever way it is stored; zero outside. Nothing is asked before the read, so that several are under way together:
 * beyond the edges, the last is read.
 */
export const ELEMENT_A_WGSL = /* wgsl */ `
    fn elementA(matrix: u32, m: u32, k: u32, end: u32) -> f32 {
      let start = u.aOffset + matrix * u.aBatch;
      let row = min(m, u.M - 1u);
      let column = min(k, end - 1u);
      let x = a[start + select(row * u.aStride + column, column * u.aStride + row, TRANSPOSE_A)];
      return select(0.0, x, m < u.M && k < end);
    }`

const ELEMENT_B_WGSL = /* wgsl */ `
    fn elementB(matrix: u32, k: u32, n: u32, end: u32) -> f32 {
      let start = u.bOffset + matrix * u.bBatch;
      let row = min(k, end - 1u);
      let column = min(n, u.N - 1u);
      let x = b[start + select(row * u.bStride + column, column * u.bStride + row, TRANSPOSE_B)];
      return select(0.0, x, n < u.N && k < end);
    }`

export const EPILOGUE_WGSL = `${ACTIVATION_WGSL}${FINISH_WGSL}`
export const SHARED_WGSL = `${EPILOGUE_WGSL}${ELEMENT_A_WGSL}${ELEMENT_B_WGSL}`

export const BINDINGS = {
  a: 'f32 view',
  b: 'f32 view',
  bias: 'f32?',
  residual: 'f32?',
  pre: 'f32? rw',
  y: 'f32 rw',
} as const

/** An element of a tile. With SPLIT, y is parts [splits, matrices, M, N]; z counts both. */
export const PUT_WGSL = /* wgsl */ `
    fn put(z: u32, m: u32, n: u32, x: f32) {
      if (!SPLIT) {
        finish(z, m, n, x);
      } else if (m < u.M && n < u.N) {
        y[(z * u.M + m) * u.N + n] = x;
      }
    }`

export const TILE_CONSTANTS = { TRANSPOSE_A: 'bool', SPLIT: 'bool', KIND: 'u32' } as const
export const TILE_UNIFORMS = { matrices: 'u32', part: 'u32' } as const

export const UNIFORMS = { M: 'u32', N: 'u32', K: 'u32', aBatch: 'u32', bBatch: 'u32' } as const

/**
 * y from partial sums [splits, size]: always in the same order, with the epilogue. An invocation for each element.
 */
export const matmulCombine = defineKernel({
  name: 'matmulCombine',
  bindings: { parts: 'f32', bias: 'f32?', residual: 'f32?', pre: 'f32? rw', y: 'f32 rw' },
  uniforms: { M: 'u32', N: 'u32', size: 'u32', splits: 'u32' },
  constants: { WORKGROUP: 'u32', KIND: 'u32' },
  body: `${ACTIVATION_WGSL}${FINISH_WGSL}
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
