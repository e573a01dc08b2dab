import { part, unroll } from '../../devices/webgpu/part.ts'

/** The vectors of a step that an invocation brings. */
const VECTORS = ['i', 'i + WORKGROUP', 'i + 2u * WORKGROUP', 'i + 3u * WORKGROUP']

/**
 * A tile of y of 128 x 128 by 128 invocations, 8 down and 16 across, which step along the inner axis
 * together: 16 columns of a and rows of b go through workgroup memory. An operand whose rows lie along the
 * inner axis (ALONG) is kept as it is stored, in rows of 16; the other in rows of 128. An invocation's rows
 * and columns are then every 8th and 16th, or those in fours. Nothing is fetched ahead: other workgroups
 * compute meanwhile, and registers are for the sums. Accumulators are named, as an array of them would not
 * stay in registers.
 */
export const stepsPart = part({
  name: 'steps of 128',
  needs: ['TRANSPOSE_A', 'ALONG_B', 'alongA', 'acrossA', 'alongB', 'placeB', 'acrossB', 'put'],
  gives: ['INNER', 'WORKGROUP', 'SIDE', 'GROUPS', 'stage', 'rowsA', 'columnsB', 'add', 'placeOf', 'store'],
  text: /* wgsl */ `
    const INNER = 16u;
    const WORKGROUP = 128u;
    const ALONG_A = !TRANSPOSE_A;
    const DOWN = 8u;
    const ACROSS = 16u;
    const SIDE = 128u;
    const GROUPS = SIDE / 4u;
    // Vectors of a row: one more than are used, so that neighbours are in other banks.
    const ROW = INNER / 4u + 1u;
    const COLUMN = GROUPS + 1u;
    const ROWS_SIZE = SIDE * ROW;
    const COLUMNS_SIZE = INNER * COLUMN;
    var<workgroup> tileA: array<vec4f, select(COLUMNS_SIZE, ROWS_SIZE, ALONG_A)>;
    var<workgroup> tileB: array<vec4f, select(COLUMNS_SIZE, ROWS_SIZE, ALONG_B)>;

    /** Vector i of a step. */
    fn fetchA(matrix: u32, top: u32, k: u32, end: u32, i: u32) -> vec4f {
      if (ALONG_A) { return alongA(matrix, top + i / 4u, k + 4u * (i % 4u), end); }
      return acrossA(matrix, top + 4u * (i % GROUPS), k + i / GROUPS, end);
    }
    fn fetchB(matrix: u32, left: u32, k: u32, end: u32, i: u32) -> vec4f {
      if (ALONG_B) { return alongB(matrix, left + i / 4u, k + 4u * (i % 4u), end); }
      let place = placeB(i);
      return acrossB(matrix, left + 4u * place.y, k + place.x, end);
    }
    fn keepA(i: u32, x: vec4f) {
      if (ALONG_A) { tileA[(i / 4u) * ROW + i % 4u] = x; } else { tileA[(i / GROUPS) * COLUMN + i % GROUPS] = x; }
    }
    fn keepB(i: u32, x: vec4f) {
      let place = placeB(i);
      if (ALONG_B) { tileB[(i / 4u) * ROW + i % 4u] = x; } else { tileB[place.x * COLUMN + place.y] = x; }
    }

    /** Brings a step to workgroup memory: all its reads are under way before the first word is kept. */
    fn stage(matrix: u32, corner: vec2u, k: u32, end: u32, i: u32) {
      ${unroll(4, (i) => `let a${i} = fetchA(matrix, corner.y, k, end, ${VECTORS[i]});`)}
      ${unroll(4, (i) => `let b${i} = fetchB(matrix, corner.x, k, end, ${VECTORS[i]});`)}
      ${unroll(4, (i) => `keepA(${VECTORS[i]}, a${i});`)}
      ${unroll(4, (i) => `keepB(${VECTORS[i]}, b${i});`)}
    }

    /** Four rows of a at k, k + 1, k + 2, k + 3: a column for each row. */
    fn rowsA(k: u32, ty: u32, four: u32) -> mat4x4f {
      if (ALONG_A) {
        let at = (ty + 4u * DOWN * four) * ROW + k / 4u;
        return mat4x4f(tileA[at], tileA[at + DOWN * ROW], tileA[at + 2u * DOWN * ROW], tileA[at + 3u * DOWN * ROW]);
      }
      let at = k * COLUMN + ty + DOWN * four;
      return transpose(mat4x4f(tileA[at], tileA[at + COLUMN], tileA[at + 2u * COLUMN], tileA[at + 3u * COLUMN]));
    }

    /** Four columns of b at k, k + 1, k + 2, k + 3: a column for each k. */
    fn columnsB(k: u32, tx: u32, four: u32) -> mat4x4f {
      if (ALONG_B) {
        let at = (tx + 4u * ACROSS * four) * ROW + k / 4u;
        return transpose(
          mat4x4f(tileB[at], tileB[at + ACROSS * ROW], tileB[at + 2u * ACROSS * ROW], tileB[at + 3u * ACROSS * ROW]));
      }
      let at = k * COLUMN + tx + ACROSS * four;
      return mat4x4f(tileB[at], tileB[at + COLUMN], tileB[at + 2u * COLUMN], tileB[at + 3u * COLUMN]);
    }

    fn add(c: vec4f, b: mat4x4f, a: vec4f) -> vec4f {
      return fma(b[3], vec4f(a.w), fma(b[2], vec4f(a.z), fma(b[1], vec4f(a.y), fma(b[0], vec4f(a.x), c))));
    }

    /**
     * Where an invocation is: subgroups of 32 are 4 down and 8 across, which read fewest words of workgroup
     * memory.
     */
    fn placeOf(local: u32) -> vec2u {
      let lane = local % 32u;
      return vec2u((local / 32u % 2u) * 8u + lane % 8u, (local / 64u) * 4u + lane / 8u);
    }

    /** Four columns of an invocation's row. */
    fn store(z: u32, corner: vec2u, place: vec2u, row: u32, four: u32, c: vec4f) {
      let m = corner.y + select(4u * (place.y + DOWN * (row / 4u)) + row % 4u, place.y + DOWN * row, ALONG_A);
      let n = corner.x + select(4u * (place.x + ACROSS * four), place.x + 4u * ACROSS * four, ALONG_B);
      let next = select(1u, ACROSS, ALONG_B);
      put(z, m, n, c.x);
      put(z, m, n + next, c.y);
      put(z, m, n + 2u * next, c.z);
      put(z, m, n + 3u * next, c.w);
    }`,
})
