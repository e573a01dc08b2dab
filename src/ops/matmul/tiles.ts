import { defineKernel } from '../../devices/webgpu/kernel.ts'
import { BINDINGS, SHARED_WGSL, UNIFORMS } from './wgsl.ts'

/**
 * A tile of y of 4 GROUPS x 4 GROUPS by 256 invocations, which step along the inner axis together: INNER columns of a and rows of b
 * go through workgroup memory, as vectors of 4 rows (or columns) at a time, while those of the next step are under way.
 * An invocation's accumulators are named: an array of them would not stay in registers.
 */
export const STEP_WGSL = /* wgsl */ `
    const SIDE = 4u * GROUPS;
    // One vector more than are used: rows then begin in other banks.
    const STRIDE = GROUPS + 1u;
    var<workgroup> tileA: array<vec4f, INNER * STRIDE>;
    var<workgroup> tileB: array<vec4f, INNER * STRIDE>;

    /** Where an invocation's vector stands in a tile: (k, group). Neighbours read neighbouring words. */
    fn place(local: u32, rowsOfK: bool) -> vec2u {
      if (rowsOfK) { return vec2u(local / GROUPS, local % GROUPS); }
      return vec2u(local % INNER, local / INNER);
    }

    fn fetchA(matrix: u32, m: u32, k: u32, end: u32) -> vec4f {
      return vec4f(
        elementA(matrix, m, k, end),
        elementA(matrix, m + 1u, k, end),
        elementA(matrix, m + 2u, k, end),
        elementA(matrix, m + 3u, k, end));
    }

    /** With SPLIT, y is parts [splits, matrices, M, N]; z counts both. */
    fn store4(z: u32, m: u32, n: u32, c: vec4f) {
      if (!SPLIT) {
        finish(z, m, n, c.x);
        finish(z, m, n + 1u, c.y);
        finish(z, m, n + 2u, c.z);
        finish(z, m, n + 3u, c.w);
        return;
      }
      let i = (z * u.M + m) * u.N + n;
      if (m >= u.M) { return; }
      if (n < u.N) { y[i] = c.x; }
      if (n + 1u < u.N) { y[i + 1u] = c.y; }
      if (n + 2u < u.N) { y[i + 2u] = c.z; }
      if (n + 3u < u.N) { y[i + 3u] = c.w; }
    }`

const FETCH_B_WGSL = /* wgsl */ `
    fn fetchB(matrix: u32, k: u32, n: u32, end: u32) -> vec4f {
      return vec4f(
        elementB(matrix, k, n, end),
        elementB(matrix, k, n + 1u, end),
        elementB(matrix, k, n + 2u, end),
        elementB(matrix, k, n + 3u, end));
    }`

const uniforms = { ...UNIFORMS, matrices: 'u32', part: 'u32' } as const
export const TILE_CONSTANTS = {
  TRANSPOSE_A: 'bool',
  TRANSPOSE_B: 'bool',
  SPLIT: 'bool',
  KIND: 'u32',
  GROUPS: 'u32',
  INNER: 'u32',
} as const

/** 64 x 64, 4 x 4 an invocation; GROUPS 16, INNER 16. */
export const TILE_64_WGSL = /* wgsl */ `
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
    }`

/** 128 x 128, 8 x 8 an invocation, in four quarters; GROUPS 32, INNER 8. */
export const TILE_128_WGSL = /* wgsl */ `
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
      var c01 = vec4f();
      var c10 = vec4f();
      var c11 = vec4f();
      var c20 = vec4f();
      var c21 = vec4f();
      var c30 = vec4f();
      var c31 = vec4f();
      var c40 = vec4f();
      var c41 = vec4f();
      var c50 = vec4f();
      var c51 = vec4f();
      var c60 = vec4f();
      var c61 = vec4f();
      var c70 = vec4f();
      var c71 = vec4f();
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
          let a1 = tileA[k * STRIDE + ty + 16u];
          let b0 = tileB[k * STRIDE + tx];
          let b1 = tileB[k * STRIDE + tx + 16u];
          c00 = fma(vec4f(a0.x), b0, c00);
          c01 = fma(vec4f(a0.x), b1, c01);
          c10 = fma(vec4f(a0.y), b0, c10);
          c11 = fma(vec4f(a0.y), b1, c11);
          c20 = fma(vec4f(a0.z), b0, c20);
          c21 = fma(vec4f(a0.z), b1, c21);
          c30 = fma(vec4f(a0.w), b0, c30);
          c31 = fma(vec4f(a0.w), b1, c31);
          c40 = fma(vec4f(a1.x), b0, c40);
          c41 = fma(vec4f(a1.x), b1, c41);
          c50 = fma(vec4f(a1.y), b0, c50);
          c51 = fma(vec4f(a1.y), b1, c51);
          c60 = fma(vec4f(a1.z), b0, c60);
          c61 = fma(vec4f(a1.z), b1, c61);
          c70 = fma(vec4f(a1.w), b0, c70);
          c71 = fma(vec4f(a1.w), b1, c71);
        }
        workgroupBarrier();
      }
      let m = top + 4u * ty;
      let n = left + 4u * tx;
      store4(z, m, n, c00);
      store4(z, m, n + 64u, c01);
      store4(z, m + 1u, n, c10);
      store4(z, m + 1u, n + 64u, c11);
      store4(z, m + 2u, n, c20);
      store4(z, m + 2u, n + 64u, c21);
      store4(z, m + 3u, n, c30);
      store4(z, m + 3u, n + 64u, c31);
      store4(z, m + 64u, n, c40);
      store4(z, m + 64u, n + 64u, c41);
      store4(z, m + 65u, n, c50);
      store4(z, m + 65u, n + 64u, c51);
      store4(z, m + 66u, n, c60);
      store4(z, m + 66u, n + 64u, c61);
      store4(z, m + 67u, n, c70);
      store4(z, m + 67u, n + 64u, c71);
    }`

export const matmulTile64 = defineKernel({
  name: 'matmulTile64',
  bindings: BINDINGS,
  uniforms,
  constants: TILE_CONSTANTS,
  body: `${SHARED_WGSL}${STEP_WGSL}${FETCH_B_WGSL}${TILE_64_WGSL}`,
})

export const matmulTile128 = defineKernel({
  name: 'matmulTile128',
  bindings: BINDINGS,
  uniforms,
  constants: TILE_CONSTANTS,
  body: `${SHARED_WGSL}${STEP_WGSL}${FETCH_B_WGSL}${TILE_128_WGSL}`,
})
