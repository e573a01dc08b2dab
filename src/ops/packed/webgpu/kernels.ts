import { defineKernel } from '../../../devices/webgpu/kernel.ts'
import { part } from '../../../devices/webgpu/part.ts'
import { plainParts } from '../../parts/few-rows.ts'
import {
  PACKED_BINDINGS,
  PACKED_DOT_CONSTANTS,
  PACKED_UNIFORMS,
  packedDotPart,
} from '../../parts/packed-dot.ts'
import { packedParts } from '../../parts/packed-weights.ts'
import {
  alignedAPart,
  elementAPart,
  finishParts,
  putPart,
  TILE_CONSTANTS,
  TILE_UNIFORMS,
} from '../../parts/product.ts'
import { tile128Parts } from '../../parts/tile-128.ts'
import { fetchAPart, tile64Part, tilesPart } from '../../parts/tile-64.ts'

/** Up to four rows of a · bᵀ: see `packedDotPart`. */
export const packedDot = defineKernel({
  name: 'packedDot',
  bindings: PACKED_BINDINGS,
  uniforms: PACKED_UNIFORMS,
  constants: PACKED_DOT_CONSTANTS,
  parts: [...finishParts, ...packedParts, ...plainParts, packedDotPart],
  body: /* wgsl */ `
    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) { dot(group, local); }`,
})

/** Vectors of b for the tiles of a product: four rows of packed weights at a column. */
const fourRowsPart = part({
  name: 'fours of packed rows',
  needs: ['u.N', 'weights4'],
  gives: ['fourRows'],
  text: /* wgsl */ `
    fn fourRows(k: u32, n: u32, end: u32) -> vec4f {
      let last = (u.N - 1u) / 4u * 4u;
      return select(vec4f(), weights4(min(k, end - 1u), min(n, last)), n < u.N && k < end);
    }`,
})

/** For tiles of 64. */
const fetch64Part = part({
  name: 'packed fours of b',
  needs: ['fourRows'],
  gives: ['fetchB'],
  text: /* wgsl */ `
    fn fetchB(matrix: u32, k: u32, n: u32, end: u32) -> vec4f { return fourRows(k, n, end); }`,
})

/** For tiles of 128, which never ask for `alongB` here. Neighbours read one panel. */
const fetch128Part = part({
  name: 'packed vectors of b',
  needs: ['INNER', 'fourRows'],
  gives: ['ALONG_B', 'placeB', 'acrossB', 'alongB'],
  text: /* wgsl */ `
    const ALONG_B = false;
    fn placeB(i: u32) -> vec2u { return vec2u(i % INNER, i / INNER); }
    fn acrossB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f { return fourRows(k, n, end); }
    fn alongB(matrix: u32, n: u32, k: u32, end: u32) -> vec4f { return vec4f(); }`,
})

const uniforms = { ...PACKED_UNIFORMS, ...TILE_UNIFORMS }
const constants = { ...TILE_CONSTANTS, FORMAT: 'u32' } as const

export const packedTile64 = defineKernel({
  name: 'packedTile64',
  bindings: PACKED_BINDINGS,
  uniforms,
  constants: { ...constants, TRANSPOSE_B: 'bool' },
  parts: [
    ...finishParts,
    ...packedParts,
    putPart,
    elementAPart,
    fourRowsPart,
    fetch64Part,
    fetchAPart,
    tilesPart,
    tile64Part,
  ],
})

/** For an a whose offset, rows and their distance are multiples of four. */
export const packedTile128 = defineKernel({
  name: 'packedTile128',
  bindings: { ...PACKED_BINDINGS, a: 'vec4f view' },
  uniforms,
  constants,
  parts: [...finishParts, ...packedParts, putPart, alignedAPart, fourRowsPart, fetch128Part, ...tile128Parts],
})

/** One element of y [T, K] = W[tokens] an invocation; W [N, K]. */
export const packedRows = defineKernel({
  name: 'packedRows',
  bindings: { tokens: 'i32', b: 'u32', y: 'f32 rw' },
  uniforms: { size: 'u32', N: 'i32', K: 'u32', panelWords: 'u32' },
  constants: { WORKGROUP: 'u32', FORMAT: 'u32' },
  parts: packedParts,
  body: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let i = flatGroup(group) * WORKGROUP + local;
      if (i >= u.size) { return; }
      let n = u32(clamp(tokens[i / u.K], 0, u.N - 1));
      y[i] = weights4(i % u.K, n - n % 4u)[n % 4u];
    }`,
})
