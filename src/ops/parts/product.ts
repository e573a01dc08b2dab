/**
 * Parts that the kernels of a product share: how they read a and b, and how they write y. Their bindings and
 * uniforms are named alike.
 */
import { part } from '../../devices/webgpu/part.ts'
import { activationPart } from './activation.ts'

export const BINDINGS = {
  a: 'f32 view',
  b: 'f32 view',
  bias: 'f32?',
  residual: 'f32?',
  pre: 'f32? rw',
  y: 'f32 rw',
} as const
export const UNIFORMS = { M: 'u32', N: 'u32', K: 'u32', aBatch: 'u32', bBatch: 'u32' } as const
export const TILE_UNIFORMS = { matrices: 'u32', part: 'u32' } as const
export const TILE_CONSTANTS = { TRANSPOSE_A: 'bool', SPLIT: 'bool', KIND: 'u32' } as const

/** `finish(matrix, m, n, sum)`: y = f(sum + bias) + residual at row m, column n of a matrix. */
const finishPart = part({
  name: 'finish',
  needs: [
    'u.M',
    'u.N',
    'HAS_BIAS',
    'bias',
    'HAS_PRE',
    'pre',
    'activate',
    'KIND',
    'HAS_RESIDUAL',
    'residual',
    'y',
  ],
  gives: ['finish'],
  text: /* wgsl */ `
    fn finish(matrix: u32, m: u32, n: u32, sum: f32) {
      if (m >= u.M || n >= u.N) { return; }
      let i = (matrix * u.M + m) * u.N + n;
      var x = sum;
      if (HAS_BIAS) { x += bias[n]; }
      if (HAS_PRE) { pre[i] = x; }
      x = activate(KIND, x);
      if (HAS_RESIDUAL) { x += residual[i]; }
      y[i] = x;
    }`,
})

export const finishParts = [activationPart, finishPart]

/**
 * `put(z, m, n, x)`: an element of a tile. With SPLIT, x is a part of a sum: it is kept as it is in y, which
 * is parts [splits, matrices, M, N], and `matmulCombine` does the rest. z counts splits and matrices.
 */
export const putPart = part({
  name: 'put',
  needs: ['SPLIT', 'finish', 'u.M', 'u.N', 'y'],
  gives: ['put'],
  text: /* wgsl */ `
    fn put(z: u32, m: u32, n: u32, x: f32) {
      if (!SPLIT) {
        finish(z, m, n, x);
      } else if (m < u.M && n < u.N) {
        y[(z * u.M + m) * u.N + n] = x;
      }
    }`,
})

/**
 * `elementA`: elements of a, whichever way it is stored; zero outside. Nothing is asked before the read, so
 * that several are under way together: beyond the edges, the last is read.
 */
export const elementAPart = part({
  name: 'elements of a',
  needs: ['u.aOffset', 'u.aBatch', 'u.M', 'a', 'u.aStride', 'TRANSPOSE_A'],
  gives: ['elementA'],
  text: /* wgsl */ `
    fn elementA(matrix: u32, m: u32, k: u32, end: u32) -> f32 {
      let start = u.aOffset + matrix * u.aBatch;
      let row = min(m, u.M - 1u);
      let column = min(k, end - 1u);
      let x = a[start + select(row * u.aStride + column, column * u.aStride + row, TRANSPOSE_A)];
      return select(0.0, x, m < u.M && k < end);
    }`,
})

/** `elementB`: as `elementA`. */
export const elementBPart = part({
  name: 'elements of b',
  needs: ['u.bOffset', 'u.bBatch', 'u.N', 'b', 'u.bStride', 'TRANSPOSE_B'],
  gives: ['elementB'],
  text: /* wgsl */ `
    fn elementB(matrix: u32, k: u32, n: u32, end: u32) -> f32 {
      let start = u.bOffset + matrix * u.bBatch;
      let row = min(k, end - 1u);
      let column = min(n, u.N - 1u);
      let x = b[start + select(row * u.bStride + column, column * u.bStride + row, TRANSPOSE_B)];
      return select(0.0, x, n < u.N && k < end);
    }`,
})

/**
 * Four columns of a row of a as it is multiplied (along), or four rows at one column (across), where all
 * begins at multiples of four. Zero outside.
 */
export const alignedAPart = part({
  name: 'vectors of a',
  needs: ['u.aOffset', 'u.aBatch', 'u.M', 'u.aStride', 'a'],
  gives: ['alongA', 'acrossA'],
  text: /* wgsl */ `
    fn alongA(matrix: u32, m: u32, k: u32, end: u32) -> vec4f {
      let at = u.aOffset + matrix * u.aBatch + min(m, u.M - 1u) * u.aStride + min(k, end - 4u);
      return select(vec4f(), a[at / 4u], m < u.M && k < end);
    }
    fn acrossA(matrix: u32, m: u32, k: u32, end: u32) -> vec4f {
      let at = u.aOffset + matrix * u.aBatch + min(k, end - 1u) * u.aStride + min(m, u.M - 4u);
      return select(vec4f(), a[at / 4u], m < u.M && k < end);
    }`,
})

/** As `alignedAPart`; ALONG_B says which of the two is asked. */
export const alignedBPart = part({
  name: 'vectors of b',
  needs: ['TRANSPOSE_B', 'u.bOffset', 'u.bBatch', 'u.N', 'u.bStride', 'b'],
  gives: ['ALONG_B', 'alongB', 'acrossB'],
  text: /* wgsl */ `
    const ALONG_B = TRANSPOSE_B;
    fn alongB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f {
      let at = u.bOffset + matrix * u.bBatch + min(n, u.N - 1u) * u.bStride + min(k, end - 4u);
      return select(vec4f(), b[at / 4u], n < u.N && k < end);
    }
    fn acrossB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f {
      let at = u.bOffset + matrix * u.bBatch + min(k, end - 1u) * u.bStride + min(n, u.N - 4u);
      return select(vec4f(), b[at / 4u], n < u.N && k < end);
    }`,
})
