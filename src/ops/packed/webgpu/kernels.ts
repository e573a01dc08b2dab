import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { PLAIN_ROWS_WGSL, ROWS_AT_WGSL, SUMS_WGSL } from '../../matmul/webgpu/few-rows.ts'
import { ALIGNED_A_WGSL, TILE_128_WGSL } from '../../matmul/webgpu/tile-128.ts'
import { TILE_64_WGSL } from '../../matmul/webgpu/tile-64.ts'
import {
  BINDINGS,
  ELEMENT_A_WGSL,
  EPILOGUE_WGSL,
  PUT_WGSL,
  TILE_CONSTANTS,
  TILE_UNIFORMS,
} from '../../matmul/webgpu/wgsl.ts'
import { PACKED_WGSL } from './wgsl.ts'

/** As in a product of matrices, of which b holds packed words. */
export const PACKED_BINDINGS = { ...BINDINGS, b: 'u32' } as const
export const PACKED_UNIFORMS = {
  M: 'u32',
  N: 'u32',
  K: 'u32',
  aBatch: 'u32',
  panelWords: 'u32',
} as const

/** See `packedDot`. */
export const PACKED_DOT_WGSL = /* wgsl */ `
    const TOGETHER = 2u;
    /** Columns of a word. */
    const COLUMNS = select(select(8u, 4u, FORMAT == Q8), 2u, FORMAT == F16);

    /** Column j of a word, without its scale. */
    fn column(word: u32, j: u32) -> f32 {
      if (FORMAT == F16) { return halves4(vec4u((word >> (16u * j)) & 0xffffu)).x; }
      if (FORMAT == Q8) { return f32(extractBits(bitcast<i32>(word), 8u * j, 8u)); }
      return f32(i32((word >> (8u * (j % 4u) + 4u * (j / 4u))) & 15u) - 8);
    }

    /**
     * What the word at place 'at' of row n adds to the sums; nothing beyond the last. A loop, as a text of all columns takes
     * minutes to compile for CPUs.
     */
    fn part(m: u32, panel: u32, n: u32, at: u32) -> vec4f {
      const PER_BLOCK = 32u / COLUMNS;
      let row = n % 8u;
      let words = (u.K + COLUMNS - 1u) / COLUMNS;
      let g = min(at, words - 1u);
      let block = panel + select((g / PER_BLOCK) * BLOCK_WORDS, 0u, FORMAT == F16);
      let word = b[select(block + 4u + 8u * (g % PER_BLOCK), panel + 8u * g, FORMAT == F16) + row];
      var sum = vec4f();
      for (var j = 0u; j < COLUMNS; j++) {
        let k = g * COLUMNS + j;
        let inside = k < u.K && at < words;
        let x = rowsAt(0u, m, min(k, u.K - 1u));
        see(x, inside);
        sum = select(sum, fma(vec4f(column(word, j) * scaleOf(min(k, u.K - 1u))), x, sum), inside);
      }
      if (FORMAT == F16) { return sum; }
      let pair = b[block + row / 2u];
      return sum * halves4(vec4u((pair >> (16u * (row % 2u))) & 0xffffu)).x;
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let lane = (local / ROWS) % LANES;
      let n = group.x * (256u / LANES) + local / (ROWS * LANES) * ROWS + local % ROWS;
      let m = 4u * group.y;
      let panel = (min(n, u.N - 1u) / 8u) * u.panelWords;
      var sum = vec4f();
      for (var first = lane; first * COLUMNS < u.K; first += TOGETHER * LANES) {
        for (var i = 0u; i < TOGETHER; i++) { sum += part(m, panel, n, first + i * LANES); }
      }
      keepTotal(group, local);
      sums[local] = sum;
      keepSquares(local);
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) {
          sums[local] += sums[local + ROWS * half];
          addSquares(local, local + ROWS * half);
        }
      }
      workgroupBarrier();
      let own = local - ROWS * lane;
      if (lane < 4u) { finish(0u, m + lane, n, sums[own][lane] * rootOf(own, lane)); }
    }`

/** What stands before the text of a product with packed weights. */
export const PACKED_SHARED_WGSL = `${EPILOGUE_WGSL}${PACKED_WGSL}`
export const PACKED_DOT_CONSTANTS = {
  TRANSPOSE_A: 'bool',
  KIND: 'u32',
  FORMAT: 'u32',
  ROWS: 'u32',
  LANES: 'u32',
  SINGLE: 'bool',
} as const

/**
 * Up to four rows of a · bᵀ. ROWS invocations, eight or fewer, read a word of each row of a panel, or of a part of it, and LANES
 * times so many take every LANES-th words of the rows: neighbours read neighbouring words. A workgroup has 256 / LANES rows.
 * Groups: (runs of rows of b, fours of rows). With SINGLE, there is one row.
 */
export const packedDot = defineKernel({
  name: 'packedDot',
  bindings: PACKED_BINDINGS,
  uniforms: PACKED_UNIFORMS,
  constants: PACKED_DOT_CONSTANTS,
  body: `${PACKED_SHARED_WGSL}${SUMS_WGSL}${PLAIN_ROWS_WGSL}${ROWS_AT_WGSL}${PACKED_DOT_WGSL}`,
})

/** Vectors of b for the tiles of a product: four rows of packed weights at a column. */
const FETCH_B_WGSL = /* wgsl */ `
    fn fourRows(k: u32, n: u32, end: u32) -> vec4f {
      let last = (u.N - 1u) / 4u * 4u;
      return select(vec4f(), weights4(min(k, end - 1u), min(n, last)), n < u.N && k < end);
    }`

/** For `TILE_64_WGSL`. */
const FETCH_64_WGSL = /* wgsl */ `
    fn fetchB(matrix: u32, k: u32, n: u32, end: u32) -> vec4f { return fourRows(k, n, end); }`

/** For `TILE_128_WGSL`, which never asks for `alongB` here. Neighbours read one panel. */
const FETCH_128_WGSL = /* wgsl */ `
    const ALONG_B = false;
    fn placeB(i: u32) -> vec2u { return vec2u(i % INNER, i / INNER); }
    fn acrossB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f { return fourRows(k, n, end); }
    fn alongB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f { return vec4f(); }`

const uniforms = { ...PACKED_UNIFORMS, ...TILE_UNIFORMS }
const constants = { ...TILE_CONSTANTS, FORMAT: 'u32' } as const

export const packedTile64 = defineKernel({
  name: 'packedTile64',
  bindings: PACKED_BINDINGS,
  uniforms,
  constants: { ...constants, TRANSPOSE_B: 'bool' },
  body: `${PACKED_SHARED_WGSL}${PUT_WGSL}${ELEMENT_A_WGSL}${FETCH_B_WGSL}${FETCH_64_WGSL}${TILE_64_WGSL}`,
})

/** For an a whose offset, rows and their distance are multiples of four. */
export const packedTile128 = defineKernel({
  name: 'packedTile128',
  bindings: { ...PACKED_BINDINGS, a: 'vec4f view' },
  uniforms,
  constants,
  body: `${PACKED_SHARED_WGSL}${PUT_WGSL}${ALIGNED_A_WGSL}${FETCH_B_WGSL}${FETCH_128_WGSL}${TILE_128_WGSL}`,
})

/** One element of y [T, K] = W[tokens] an invocation; W [N, K]. */
export const packedRows = defineKernel({
  name: 'packedRows',
  bindings: { tokens: 'i32', b: 'u32', y: 'f32 rw' },
  uniforms: { size: 'u32', N: 'i32', K: 'u32', panelWords: 'u32' },
  constants: { WORKGROUP: 'u32', FORMAT: 'u32' },
  body: `${PACKED_WGSL}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let n = u32(clamp(tokens[i / u.K], 0, u.N - 1));
      y[i] = weights4(i % u.K, n - n % 4u)[n % 4u];
    }`,
})
