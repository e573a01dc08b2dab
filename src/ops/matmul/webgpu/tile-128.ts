import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { STEP_WGSL } from './tile-128-steps.ts'
import { BINDINGS, EPILOGUE_WGSL, PUT_WGSL, TILE_CONSTANTS, TILE_UNIFORMS, UNIFORMS } from './wgsl.ts'

/**
 * Four columns of a row of a as it is multiplied (along), or four rows at one column (across), where all begins at multiples of four.
 * Zero outside.
 */
export const ALIGNED_A_WGSL = /* wgsl */ `
    fn alongA(matrix: u32, m: u32, k: u32, end: u32) -> vec4f {
      let at = u.aOffset + matrix * u.aBatch + min(m, u.M - 1u) * u.aStride + min(k, end - 4u);
      return select(vec4f(), a[at / 4u], m < u.M && k < end);
    }
    fn acrossA(matrix: u32, m: u32, k: u32, end: u32) -> vec4f {
      let at = u.aOffset + matrix * u.aBatch + min(k, end - 1u) * u.aStride + min(m, u.M - 4u);
      return select(vec4f(), a[at / 4u], m < u.M && k < end);
    }`

const ALIGNED_B_WGSL = /* wgsl */ `
    const ALONG_B = TRANSPOSE_B;
    fn alongB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f {
      let at = u.bOffset + matrix * u.bBatch + min(n, u.N - 1u) * u.bStride + min(k, end - 4u);
      return select(vec4f(), b[at / 4u], n < u.N && k < end);
    }
    fn acrossB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f {
      let at = u.bOffset + matrix * u.bBatch + min(k, end - 1u) * u.bStride + min(n, u.N - 4u);
      return select(vec4f(), b[at / 4u], n < u.N && k < end);
    }`

/** Rows and columns of b that an invocation brings: neighbours read neighbouring words. */
const PLACE_B_WGSL = /* wgsl */ `
    fn placeB(i: u32) -> vec2u { return vec2u(i / GROUPS, i % GROUPS); }`

/** An invocation has 16 rows and two fours of columns, c and d. Needs `ALIGNED_A_WGSL` and what reads b. */
export const TILE_128_WGSL = `${STEP_WGSL}
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let z = group.z;
      let matrix = z % u.matrices;
      let begin = (z / u.matrices) * u.part;
      let end = min(begin + u.part, u.K);
      let corner = SIDE * group.xy;
      let place = placeOf(local);
      var c0 = vec4f();
      var d0 = vec4f();
      var c1 = vec4f();
      var d1 = vec4f();
      var c2 = vec4f();
      var d2 = vec4f();
      var c3 = vec4f();
      var d3 = vec4f();
      var c4 = vec4f();
      var d4 = vec4f();
      var c5 = vec4f();
      var d5 = vec4f();
      var c6 = vec4f();
      var d6 = vec4f();
      var c7 = vec4f();
      var d7 = vec4f();
      var c8 = vec4f();
      var d8 = vec4f();
      var c9 = vec4f();
      var d9 = vec4f();
      var c10 = vec4f();
      var d10 = vec4f();
      var c11 = vec4f();
      var d11 = vec4f();
      var c12 = vec4f();
      var d12 = vec4f();
      var c13 = vec4f();
      var d13 = vec4f();
      var c14 = vec4f();
      var d14 = vec4f();
      var c15 = vec4f();
      var d15 = vec4f();
      for (var k0 = begin; k0 < end; k0 += INNER) {
        stage(matrix, corner, k0, end, local);
        workgroupBarrier();
        for (var k = 0u; k < INNER; k += 4u) {
          let b0 = columnsB(k, place.x, 0u);
          let b1 = columnsB(k, place.x, 1u);
          let a0 = rowsA(k, place.y, 0u);
          c0 = add(c0, b0, a0[0]);
          d0 = add(d0, b1, a0[0]);
          c1 = add(c1, b0, a0[1]);
          d1 = add(d1, b1, a0[1]);
          c2 = add(c2, b0, a0[2]);
          d2 = add(d2, b1, a0[2]);
          c3 = add(c3, b0, a0[3]);
          d3 = add(d3, b1, a0[3]);
          let a1 = rowsA(k, place.y, 1u);
          c4 = add(c4, b0, a1[0]);
          d4 = add(d4, b1, a1[0]);
          c5 = add(c5, b0, a1[1]);
          d5 = add(d5, b1, a1[1]);
          c6 = add(c6, b0, a1[2]);
          d6 = add(d6, b1, a1[2]);
          c7 = add(c7, b0, a1[3]);
          d7 = add(d7, b1, a1[3]);
          let a2 = rowsA(k, place.y, 2u);
          c8 = add(c8, b0, a2[0]);
          d8 = add(d8, b1, a2[0]);
          c9 = add(c9, b0, a2[1]);
          d9 = add(d9, b1, a2[1]);
          c10 = add(c10, b0, a2[2]);
          d10 = add(d10, b1, a2[2]);
          c11 = add(c11, b0, a2[3]);
          d11 = add(d11, b1, a2[3]);
          let a3 = rowsA(k, place.y, 3u);
          c12 = add(c12, b0, a3[0]);
          d12 = add(d12, b1, a3[0]);
          c13 = add(c13, b0, a3[1]);
          d13 = add(d13, b1, a3[1]);
          c14 = add(c14, b0, a3[2]);
          d14 = add(d14, b1, a3[2]);
          c15 = add(c15, b0, a3[3]);
          d15 = add(d15, b1, a3[3]);
        }
        workgroupBarrier();
      }
      store(z, corner, place, 0u, 0u, c0);
      store(z, corner, place, 0u, 1u, d0);
      store(z, corner, place, 1u, 0u, c1);
      store(z, corner, place, 1u, 1u, d1);
      store(z, corner, place, 2u, 0u, c2);
      store(z, corner, place, 2u, 1u, d2);
      store(z, corner, place, 3u, 0u, c3);
      store(z, corner, place, 3u, 1u, d3);
      store(z, corner, place, 4u, 0u, c4);
      store(z, corner, place, 4u, 1u, d4);
      store(z, corner, place, 5u, 0u, c5);
      store(z, corner, place, 5u, 1u, d5);
      store(z, corner, place, 6u, 0u, c6);
      store(z, corner, place, 6u, 1u, d6);
      store(z, corner, place, 7u, 0u, c7);
      store(z, corner, place, 7u, 1u, d7);
      store(z, corner, place, 8u, 0u, c8);
      store(z, corner, place, 8u, 1u, d8);
      store(z, corner, place, 9u, 0u, c9);
      store(z, corner, place, 9u, 1u, d9);
      store(z, corner, place, 10u, 0u, c10);
      store(z, corner, place, 10u, 1u, d10);
      store(z, corner, place, 11u, 0u, c11);
      store(z, corner, place, 11u, 1u, d11);
      store(z, corner, place, 12u, 0u, c12);
      store(z, corner, place, 12u, 1u, d12);
      store(z, corner, place, 13u, 0u, c13);
      store(z, corner, place, 13u, 1u, d13);
      store(z, corner, place, 14u, 0u, c14);
      store(z, corner, place, 14u, 1u, d14);
      store(z, corner, place, 15u, 0u, c15);
      store(z, corner, place, 15u, 1u, d15);
    }`

/** For operands of which rows, offsets and the distances of rows and matrices are multiples of four. */
export const matmulTile128 = defineKernel({
  name: 'matmulTile128',
  bindings: { ...BINDINGS, a: 'vec4f view', b: 'vec4f view' },
  uniforms: { ...UNIFORMS, ...TILE_UNIFORMS },
  constants: { ...TILE_CONSTANTS, TRANSPOSE_B: 'bool' },
  body: `${EPILOGUE_WGSL}${PUT_WGSL}${ALIGNED_A_WGSL}${ALIGNED_B_WGSL}${PLACE_B_WGSL}${TILE_128_WGSL}`,
})
