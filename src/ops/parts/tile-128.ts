import { part, unroll } from '../../devices/webgpu/part.ts'
import { stepsPart } from './tile-128-steps.ts'

/** `placeB(i)`: row and columns of vector i of b in a step. Neighbours read neighbouring words. */
export const placeBPart = part({
  name: 'places of b',
  needs: ['GROUPS'],
  gives: ['placeB'],
  text: /* wgsl */ `
    fn placeB(i: u32) -> vec2u { return vec2u(i / GROUPS, i % GROUPS); }`,
})

/** Four rows of an invocation, by both fours of its columns: c and d. */
const fourRows = (four: number): string => /* wgsl */ `
          let a${four} = rowsA(k, place.y, ${four}u);
          ${unroll(4, (i) => {
            const row = 4 * four + i
            return `c${row} = add(c${row}, b0, a${four}[${i}]);
          d${row} = add(d${row}, b1, a${four}[${i}]);`
          })}`

/** A tile of y of 128 x 128. An invocation has 16 rows and two fours of columns, c and d. */
const mainPart = part({
  name: 'tile of 128',
  needs: [
    'WORKGROUP',
    'u.matrices',
    'u.part',
    'u.K',
    'SIDE',
    'placeOf',
    'INNER',
    'stage',
    'columnsB',
    'rowsA',
    'add',
    'store',
  ],
  gives: ['main'],
  text: /* wgsl */ `
    @compute @workgroup_size(WORKGROUP)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      let z = group.z;
      let matrix = z % u.matrices;
      let begin = (z / u.matrices) * u.part;
      let end = min(begin + u.part, u.K);
      let corner = SIDE * group.xy;
      let place = placeOf(local);
      ${unroll(
        16,
        (row) => `var c${row} = vec4f();
      var d${row} = vec4f();`,
      )}
      for (var k0 = begin; k0 < end; k0 += INNER) {
        stage(matrix, corner, k0, end, local);
        workgroupBarrier();
        for (var k = 0u; k < INNER; k += 4u) {
          let b0 = columnsB(k, place.x, 0u);
          let b1 = columnsB(k, place.x, 1u);
          ${unroll(4, fourRows)}
        }
        workgroupBarrier();
      }
      ${unroll(
        16,
        (row) => `store(z, corner, place, ${row}u, 0u, c${row});
      store(z, corner, place, ${row}u, 1u, d${row});`,
      )}
    }`,
})

/** They need what reads a and b: `alongA`, `acrossA`, `alongB`, `acrossB`, ALONG_B and `placeB`. */
export const tile128Parts = [stepsPart, mainPart]
