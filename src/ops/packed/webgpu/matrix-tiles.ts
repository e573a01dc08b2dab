import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { unroll } from '../../../devices/webgpu/part.ts'
import type { Tiles } from '../../matmul/webgpu/tiling.ts'
import { BINDINGS, finishParts, putPart } from '../../parts/product.ts'

/** Rows and columns that a subgroup computes: 4 x 4 matrices of 16 x 16. */
const SIDE = 64
/** Columns of a in a step: the inner axis must be a multiple. */
export const MATRIX_INNER = 32

const tiles = (down: number, across: number, atATime: number, step: number): Tiles => ({
  rows: SIDE * down,
  columns: SIDE * across,
  INNER: MATRIX_INNER,
  atATime,
  step,
  start: 0,
})
export const MATRIX_TILES = [tiles(1, 1, 1056, 0.055), tiles(1, 2, 528, 0.047), tiles(2, 2, 264, 0.039)]

/** The constants of `packedMatrixTile`. */
export function subgroupsOf({ rows, columns }: Tiles): {
  readonly DOWN: number
  readonly ACROSS: number
} {
  return { DOWN: rows / SIDE, ACROSS: columns / SIDE }
}

/** Where matrix i of a column of four stands, from the first on. */
const down = (i: number): string => (i === 0 ? '' : ` + ${16 * i}u * STRIDE`)

/** Column i of the 4 x 4 matrices that a subgroup adds up. */
const column = (i: number): string => /* wgsl */ `
          let b${i} = subgroupMatrixLoad<Right, col_major>(&staged, startB${down(i)} + k, STRIDE);
          ${unroll(4, (j) => `c${j}${i} = subgroupMatrixMultiplyAccumulate(a${j}, b${i}, c${j}${i});`)}`

/**
 * A tile of y by DOWN x ACROSS subgroups of 32, each 64 x 64 in accumulators that are named: an array of them
 * would not stay in registers. A step goes through workgroup memory in halves, two in a word, while the next
 * is under way: rows of a as they are, rounded; rows of b as columns of bᵀ. Sums are f32.
 */
export const packedMatrixTile = defineKernel({
  name: 'packedMatrixTile',
  enable: ['f16', 'subgroups', 'chromium_experimental_subgroup_matrix'],
  bindings: { ...BINDINGS, a: 'vec4f view', b: 'vec4u' },
  uniforms: { M: 'u32', N: 'u32', K: 'u32', panelWords: 'u32', matrices: 'u32', part: 'u32' },
  constants: { KIND: 'u32', SPLIT: 'bool', DOWN: 'u32', ACROSS: 'u32' },
  parts: [...finishParts, putPart],
  body: /* wgsl */ `
    alias Left = subgroup_matrix_left<f16, 16, 16>;
    alias Right = subgroup_matrix_right<f16, 16, 16>;
    alias Sums = subgroup_matrix_result<f32, 16, 16>;

    const INNER = 32u;
    // Words of a row: four more than are used, so that rows begin in other banks.
    const STRIDE = 20u;
    const ROWS = 64u * DOWN;
    const COLUMNS = 64u * ACROSS;
    const WORKGROUP = 32u * DOWN * ACROSS;
    // Vectors of a step that an invocation moves.
    const PART_A = 16u / ACROSS;
    const PART_B = 8u / DOWN;
    var<workgroup> staged: array<u32, STRIDE * (ROWS + COLUMNS)>;

    /**
     * Four columns of a row of a. Eight invocations read a row; beyond the last, that again: what comes of it
     * is dropped.
     */
    fn fetchA(top: u32, k: u32, at: u32) -> vec4f {
      let m = min(top + at / 8u, u.M - 1u);
      return a[(u.aOffset + m * u.aStride + k) / 4u + at % 8u];
    }

    /** Two columns of four rows of b: half of a panel's words. */
    fn fetchB(left: u32, k: u32, at: u32) -> vec4u {
      let panel = min(left / 8u + at / INNER, (u.N - 1u) / 8u);
      return b[panel * (u.panelWords / 4u) + k + at % INNER];
    }

    @compute @workgroup_size(WORKGROUP)
    fn main(
      @builtin(workgroup_id) group: vec3u,
      @builtin(local_invocation_index) local: u32,
      @builtin(subgroup_id) subgroup: u32,
      @builtin(subgroup_invocation_id) lane: u32,
    ) {
      let z = group.z;
      let begin = z * u.part;
      let end = min(begin + u.part, u.K);
      let top = group.y * ROWS;
      let left = group.x * COLUMNS;
      let down = subgroup / ACROSS * 64u;
      let across = subgroup % ACROSS * 64u;
      let startA = down * STRIDE;
      let startB = (ROWS + across) * STRIDE;
      ${unroll(16, (i) => `var c${Math.floor(i / 4)}${i % 4}: Sums;`)}
      var nextA: array<vec4f, PART_A>;
      var nextB: array<vec4u, PART_B>;
      for (var i = 0u; i < PART_A; i++) { nextA[i] = fetchA(top, begin, local + i * WORKGROUP); }
      for (var i = 0u; i < PART_B; i++) { nextB[i] = fetchB(left, begin, local + i * WORKGROUP); }
      for (var k0 = begin; k0 < end; k0 += INNER) {
        for (var i = 0u; i < PART_A; i++) {
          let at = local + i * WORKGROUP;
          let to = at / 8u * STRIDE + 2u * (at % 8u);
          staged[to] = pack2x16float(nextA[i].xy);
          staged[to + 1u] = pack2x16float(nextA[i].zw);
        }
        for (var i = 0u; i < PART_B; i++) {
          let at = local + i * WORKGROUP;
          let pair = at % INNER;
          let to = (ROWS + at / INNER * 8u + pair % 2u * 4u) * STRIDE + pair / 2u;
          staged[to] = nextB[i].x;
          staged[to + STRIDE] = nextB[i].y;
          staged[to + 2u * STRIDE] = nextB[i].z;
          staged[to + 3u * STRIDE] = nextB[i].w;
        }
        workgroupBarrier();
        let next = min(k0 + INNER, u.K - INNER);
        for (var i = 0u; i < PART_A; i++) { nextA[i] = fetchA(top, next, local + i * WORKGROUP); }
        for (var i = 0u; i < PART_B; i++) { nextB[i] = fetchB(left, next, local + i * WORKGROUP); }
        for (var k = 0u; k < INNER / 2u; k += 8u) {
          ${unroll(4, (i) => `let a${i} = subgroupMatrixLoad<Left, row_major>(&staged, startA${down(i)} + k, STRIDE);`)}
          ${unroll(4, column)}
        }
        workgroupBarrier();
      }

      // A row of matrices at a time goes back through workgroup memory: 16 x 64 of each subgroup.
      let own = subgroup * 1024u;
      for (var i = 0u; i < 4u; i++) {
        ${unroll(4, (i) => `if (i == ${i}u) { keep(own, c${i}0, c${i}1, c${i}2, c${i}3); }`)}
        workgroupBarrier();
        for (var at = lane; at < 1024u; at += 32u) {
          let sum = bitcast<f32>(staged[own + at]);
          put(z, top + down + 16u * i + at / 64u, left + across + at % 64u, sum);
        }
        workgroupBarrier();
      }
    }

    fn keep(to: u32, c0: Sums, c1: Sums, c2: Sums, c3: Sums) {
      subgroupMatrixStore<row_major>(&staged, to, c0, 64u);
      subgroupMatrixStore<row_major>(&staged, to + 16u, c1, 64u);
      subgroupMatrixStore<row_major>(&staged, to + 32u, c2, 64u);
      subgroupMatrixStore<row_major>(&staged, to + 48u, c3, 64u);
    }`,
})
