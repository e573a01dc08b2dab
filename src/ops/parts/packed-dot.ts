/** The product of few rows with packed weights; see `few-rows.ts` for what it needs. */
import { part } from '../../devices/webgpu/part.ts'
import { BINDINGS } from './product.ts'

/** As in a product of matrices, of which b holds packed words. */
export const PACKED_BINDINGS = { ...BINDINGS, b: 'u32' } as const
export const PACKED_UNIFORMS = {
  M: 'u32',
  N: 'u32',
  K: 'u32',
  aBatch: 'u32',
  panelWords: 'u32',
} as const
export const PACKED_DOT_CONSTANTS = {
  TRANSPOSE_A: 'bool',
  KIND: 'u32',
  FORMAT: 'u32',
  ROWS: 'u32',
  LANES: 'u32',
  SINGLE: 'bool',
} as const

/**
 * `dot(group, local)`: up to four rows of a · bᵀ. ROWS invocations, eight or fewer, read a word of each row
 * of a panel, or of a part of it, and LANES times so many take every LANES-th words of the rows: neighbours
 * read neighbouring words. A workgroup of 256 has 256 / LANES rows. Groups: (runs of rows of b, fours of
 * rows). With SINGLE, there is one row.
 */
export const packedDotPart = part({
  name: 'packed dot',
  needs: [
    'FORMAT',
    'Q8',
    'F16',
    'halves4',
    'u.K',
    'BLOCK_WORDS',
    'b',
    'rowsAt',
    'scaled',
    'ROWS',
    'LANES',
    'u.N',
    'u.panelWords',
    'keepSums',
    'joinSums',
    'finish',
    'sumOf',
  ],
  gives: ['dot'],
  text: /* wgsl */ `
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
     * What the word at place 'at' of row n adds to the sums; nothing beyond the last. A loop, as a text of
     * all columns takes minutes to compile for CPUs.
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
        let x = rowsAt(0u, m, min(k, u.K - 1u), inside);
        sum = select(sum, fma(vec4f(scaled(column(word, j), min(k, u.K - 1u))), x, sum), inside);
      }
      if (FORMAT == F16) { return sum; }
      let pair = b[block + row / 2u];
      return sum * halves4(vec4u((pair >> (16u * (row % 2u))) & 0xffffu)).x;
    }

    fn dot(group: vec3u, local: u32) {
      let lane = (local / ROWS) % LANES;
      let n = group.x * (256u / LANES) + local / (ROWS * LANES) * ROWS + local % ROWS;
      let m = 4u * group.y;
      let panel = (min(n, u.N - 1u) / 8u) * u.panelWords;
      var sum = vec4f();
      for (var first = lane; first * COLUMNS < u.K; first += TOGETHER * LANES) {
        for (var i = 0u; i < TOGETHER; i++) { sum += part(m, panel, n, first + i * LANES); }
      }
      keepSums(local, sum);
      for (var half = LANES / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if (lane < half) { joinSums(local, local + ROWS * half); }
      }
      workgroupBarrier();
      let own = local - ROWS * lane;
      if (lane < 4u) { finish(0u, m + lane, n, sumOf(own, lane)); }
    }`,
})
