/**
 * Parts of the kernels for few rows of a: four rows, the lanes of a vector, are multiplied at once. The
 * kernels for rows that are normalised on the way have parts of their own in place of the plain rows and the
 * plain sums, which give the same names:
 *
 * - `rowsAt(matrix, m, k, inside)`: what rows m … m + 3 hold at k; `inside` says whether the product counts
 *   it.
 * - `scaled(weight, k)`: what a weight at k counts.
 * - `keepSums(local, sum)`, `joinSums(local, other)`, `sumOf(local, row)`: the sums of the invocations of a
 *   workgroup.
 */
import { part } from '../../devices/webgpu/part.ts'

export const COLUMNS_CONSTANTS = {
  TRANSPOSE_A: 'bool',
  TRANSPOSE_B: 'bool',
  KIND: 'u32',
  LANES: 'u32',
} as const
export const DOT_CONSTANTS = { ...COLUMNS_CONSTANTS, SINGLE: 'bool' } as const

/**
 * `readRows(matrix, m, k)`: what a holds at k, of four rows from m on; with SINGLE, of one. Nothing is asked
 * before it is read, so that several reads are under way together: beyond the edges, the last row and column
 * are read, and what comes of them is dropped.
 */
export const readRowsPart = part({
  name: 'reads of four rows',
  needs: ['SINGLE', 'readA'],
  gives: ['readRows'],
  text: /* wgsl */ `
    fn readRows(matrix: u32, m: u32, k: u32) -> vec4f {
      if (SINGLE) { return vec4f(readA(matrix, m, k), 0.0, 0.0, 0.0); }
      return vec4f(
        readA(matrix, m, k), readA(matrix, m + 1u, k), readA(matrix, m + 2u, k), readA(matrix, m + 3u, k));
    }`,
})

/** Rows of a as they are. */
const plainRowsPart = part({
  name: 'plain rows',
  needs: ['u.aOffset', 'u.aBatch', 'u.M', 'TRANSPOSE_A', 'a', 'u.aStride', 'readRows'],
  gives: ['readA', 'rowsAt', 'scaled'],
  text: /* wgsl */ `
    fn readA(matrix: u32, m: u32, k: u32) -> f32 {
      let start = u.aOffset + matrix * u.aBatch;
      let row = min(m, u.M - 1u);
      if (TRANSPOSE_A) { return a[start + k * u.aStride + row]; }
      return a[start + row * u.aStride + k];
    }
    fn rowsAt(matrix: u32, m: u32, k: u32, inside: bool) -> vec4f { return readRows(matrix, m, k); }
    fn scaled(weight: f32, k: u32) -> f32 { return weight; }`,
})

/** Sums of products, four rows each. */
export const plainSumsPart = part({
  name: 'plain sums',
  needs: [],
  gives: ['keepSums', 'joinSums', 'sumOf'],
  text: /* wgsl */ `
    var<workgroup> sums: array<vec4f, 256>;
    fn keepSums(local: u32, sum: vec4f) { sums[local] = sum; }
    fn joinSums(local: u32, other: u32) { sums[local] += sums[other]; }
    fn sumOf(local: u32, row: u32) -> f32 { return sums[local][row]; }`,
})

/** What the products of rows as they are read and add up with. */
export const plainParts = [readRowsPart, plainRowsPart, plainSumsPart]

/**
 * `dot(group, local)`: four rows of a · bᵀ. LANES invocations read a row of b side by side and add up their
 * parts. A workgroup of 256 has 256 / LANES rows of b. Groups: (runs of columns of y, fours of rows,
 * matrices).
 */
export const dotPart = part({
  name: 'dot',
  needs: [
    'LANES',
    'u.bOffset',
    'u.bBatch',
    'u.N',
    'u.bStride',
    'u.K',
    'rowsAt',
    'scaled',
    'b',
    'keepSums',
    'joinSums',
    'finish',
    'sumOf',
  ],
  gives: ['dot'],
  text: /* wgsl */ `
    /** Places along the inner axis that are read together. */
    const TOGETHER = 4u;

    fn dot(group: vec3u, local: u32) {
      let lane = local % LANES;
      let n = group.x * (256u / LANES) + local / LANES;
      let m = 4u * group.y;
      var sum = vec4f();
      let row = u.bOffset + group.z * u.bBatch + min(n, u.N - 1u) * u.bStride;
      for (var first = lane; first < u.K; first += TOGETHER * LANES) {
        for (var i = 0u; i < TOGETHER; i++) {
          let k = first + i * LANES;
          let at = min(k, u.K - 1u);
          let x = rowsAt(group.z, m, at, k < u.K);
          sum = select(sum, fma(vec4f(scaled(b[row + at], at)), x, sum), k < u.K);
        }
      }
      keepSums(local, sum);
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) { joinSums(local, local + half); }
      }
      workgroupBarrier();
      if (lane < 4u) { finish(group.z, m + lane, n, sumOf(local - lane, lane)); }
    }`,
})
