/** Parts that the kernels of a product share. Their bindings and uniforms are named alike. */
import { defineKernel } from '../../devices/webgpu/kernel.ts'
import { ACTIVATION_WGSL } from '../activation/wgsl.ts'

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

/** Elements of a, whichever way it is stored; zero outside. */
export const ELEMENT_A_WGSL = /* wgsl */ `
    fn elementA(matrix: u32, m: u32, k: u32, end: u32) -> f32 {
      if (m >= u.M || k >= end) { return 0.0; }
      let start = u.aOffset + matrix * u.aBatch;
      if (TRANSPOSE_A) { return a[start + k * u.aStride + m]; }
      return a[start + m * u.aStride + k];
    }`

const ELEMENT_B_WGSL = /* wgsl */ `
    fn elementB(matrix: u32, k: u32, n: u32, end: u32) -> f32 {
      if (n >= u.N || k >= end) { return 0.0; }
      let start = u.bOffset + matrix * u.bBatch;
      if (TRANSPOSE_B) { return b[start + n * u.bStride + k]; }
      return b[start + k * u.bStride + n];
    }`

export const SHARED_WGSL = `${ACTIVATION_WGSL}${FINISH_WGSL}${ELEMENT_A_WGSL}${ELEMENT_B_WGSL}`

export const BINDINGS = {
  a: 'f32 view',
  b: 'f32 view',
  bias: 'f32?',
  residual: 'f32?',
  pre: 'f32? rw',
  y: 'f32 rw',
} as const

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
