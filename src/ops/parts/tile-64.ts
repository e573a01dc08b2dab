import { part } from '../../devices/webgpu/part.ts'

/**
 * What a product of 64 x 64 by 256 invocations, 4 x 4 each, keeps in workgroup memory: INNER columns of the
 * left matrix and rows of the right one, as vectors of four rows (or columns) at a k.
 */
export const tilesPart = part({
  name: 'tiles',
  needs: [],
  gives: ['GROUPS', 'INNER', 'STRIDE', 'tileA', 'tileB', 'place'],
  text: /* wgsl */ `
    const GROUPS = 16u;
    const INNER = 16u;
    // One vector more than are used: rows then begin in other banks.
    const STRIDE = GROUPS + 1u;
    var<workgroup> tileA: array<vec4f, INNER * STRIDE>;
    var<workgroup> tileB: array<vec4f, INNER * STRIDE>;

    /** Where an invocation's vector stands in a tile: (k, group). Neighbours read neighbouring words. */
    fn place(local: u32, rowsOfK: bool) -> vec2u {
      if (rowsOfK) { return vec2u(local / GROUPS, local % GROUPS); }
      return vec2u(local % INNER, local / INNER);
    }`,
})

/** `fetchA(matrix, m, k, end)`: four rows of a at k. */
export const fetchAPart = part({
  name: 'fours of a',
  needs: ['elementA'],
  gives: ['fetchA'],
  text: /* wgsl */ `
    fn fetchA(matrix: u32, m: u32, k: u32, end: u32) -> vec4f {
      return vec4f(
        elementA(matrix, m, k, end),
        elementA(matrix, m + 1u, k, end),
        elementA(matrix, m + 2u, k, end),
        elementA(matrix, m + 3u, k, end));
    }`,
})

/** `fetchB(matrix, k, n, end)`: four columns of b at k. */
export const fetchBPart = part({
  name: 'fours of b',
  needs: ['elementB'],
  gives: ['fetchB'],
  text: /* wgsl */ `
    fn fetchB(matrix: u32, k: u32, n: u32, end: u32) -> vec4f {
      return vec4f(
        elementB(matrix, k, n, end),
        elementB(matrix, k, n + 1u, end),
        elementB(matrix, k, n + 2u, end),
        elementB(matrix, k, n + 3u, end));
    }`,
})

/**
 * A tile of y of 64 x 64. Invocations step along the inner axis together: vectors of a and b go through
 * workgroup memory while those of the next step are under way. An invocation's accumulators are named: an
 * array of them would not stay in registers.
 */
export const tile64Part = part({
  name: 'tile of 64',
  needs: [
    'GROUPS',
    'put',
    'u.matrices',
    'u.part',
    'u.K',
    'place',
    'TRANSPOSE_A',
    'TRANSPOSE_B',
    'fetchA',
    'fetchB',
    'INNER',
    'tileA',
    'STRIDE',
    'tileB',
  ],
  gives: ['main'],
  text: /* wgsl */ `
    const SIDE = 4u * GROUPS;

    fn store4(z: u32, m: u32, n: u32, c: vec4f) {
      put(z, m, n, c.x);
      put(z, m, n + 1u, c.y);
      put(z, m, n + 2u, c.z);
      put(z, m, n + 3u, c.w);
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let z = group.z;
      let matrix = z % u.matrices;
      let begin = (z / u.matrices) * u.part;
      let end = min(begin + u.part, u.K);
      let top = group.y * SIDE;
      let left = group.x * SIDE;
      let placeA = place(local, TRANSPOSE_A);
      let placeB = place(local, !TRANSPOSE_B);
      let tx = local % 16u;
      let ty = local / 16u;
      var c00 = vec4f();
      var c10 = vec4f();
      var c20 = vec4f();
      var c30 = vec4f();
      var nextA = fetchA(matrix, top + 4u * placeA.y, begin + placeA.x, end);
      var nextB = fetchB(matrix, begin + placeB.x, left + 4u * placeB.y, end);
      for (var k0 = begin; k0 < end; k0 += INNER) {
        tileA[placeA.x * STRIDE + placeA.y] = nextA;
        tileB[placeB.x * STRIDE + placeB.y] = nextB;
        workgroupBarrier();
        let next = k0 + INNER;
        nextA = fetchA(matrix, top + 4u * placeA.y, next + placeA.x, end);
        nextB = fetchB(matrix, next + placeB.x, left + 4u * placeB.y, end);
        for (var k = 0u; k < INNER; k++) {
          let a0 = tileA[k * STRIDE + ty];
          let b0 = tileB[k * STRIDE + tx];
          c00 = fma(vec4f(a0.x), b0, c00);
          c10 = fma(vec4f(a0.y), b0, c10);
          c20 = fma(vec4f(a0.z), b0, c20);
          c30 = fma(vec4f(a0.w), b0, c30);
        }
        workgroupBarrier();
      }
      let m = top + 4u * ty;
      let n = left + 4u * tx;
      store4(z, m, n, c00);
      store4(z, m + 1u, n, c10);
      store4(z, m + 2u, n, c20);
      store4(z, m + 3u, n, c30);
    }`,
})
