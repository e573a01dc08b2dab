import { defineKernel, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'

const SIDE = 32

/** y [columns, rows] = xᵀ, a square of SIDE at a time, by 8 rows of invocations. */
const matmulTurn = defineKernel({
  name: 'matmulTurn',
  bindings: { x: 'f32 view', y: 'f32 rw' },
  uniforms: { rows: 'u32', columns: 'u32' },
  constants: { SIDE: 'u32' },
  body: /* wgsl */ `
    // One word more than are used: a column's words are in other banks.
    var<workgroup> square: array<f32, SIDE * (SIDE + 1u)>;

    @compute @workgroup_size(SIDE, 8)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
      let row = SIDE * group.y;
      let column = SIDE * group.x;
      for (var i = local.y; i < SIDE; i += 8u) {
        if (row + i < u.rows && column + local.x < u.columns) {
          square[i * (SIDE + 1u) + local.x] = x[u.xOffset + (row + i) * u.xStride + column + local.x];
        }
      }
      workgroupBarrier();
      for (var i = local.y; i < SIDE; i += 8u) {
        if (column + i < u.columns && row + local.x < u.rows) {
          y[(column + i) * u.rows + row + local.x] = square[local.x * (SIDE + 1u) + i];
        }
      }
    }`,
})

/** The launch that writes x [rows, columns] to turned [columns, rows]. */
export function turn(x: Tensor, turned: Tensor): WebGpuLaunch {
  const [columns, rows] = dims(turned, 2)
  return launch(matmulTurn, {
    bindings: { x, y: turned },
    uniforms: { rows, columns },
    constants: { SIDE },
    grid: [Math.ceil(columns / SIDE), Math.ceil(rows / SIDE)],
  })
}
