import { part } from '../../devices/webgpu/part.ts'

/**
 * `total(x, local)`: Σ over the WORKGROUP threads of a workgroup, for all of them: a tree, so always in the
 * same order.
 */
export const totalPart = part({
  name: 'total',
  needs: ['WORKGROUP'],
  gives: ['total'],
  text: /* wgsl */ `
    var<workgroup> lanes: array<f32, WORKGROUP>;

    fn total(x: f32, local: u32) -> f32 {
      workgroupBarrier();
      lanes[local] = x;
      workgroupBarrier();
      for (var step = WORKGROUP / 2u; step > 0u; step >>= 1u) {
        if (local < step) { lanes[local] += lanes[local + step]; }
        workgroupBarrier();
      }
      return lanes[0];
    }`,
})
