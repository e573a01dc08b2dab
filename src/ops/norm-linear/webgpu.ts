import { defineKernel, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import { ACTIVATIONS } from '../activation/kinds.ts'
import { kernelFor, type Kernel } from '../kernels.ts'
import { DOT_CONSTANTS, DOT_WGSL, ROWS_AT_WGSL, SUMS_WGSL } from '../matmul/webgpu/few-rows.ts'
import { dotPlan } from '../matmul/webgpu/launch.ts'
import { BINDINGS, SHARED_WGSL, UNIFORMS } from '../matmul/webgpu/wgsl.ts'
import { PACKED_FORMATS } from '../packed/format.ts'
import {
  PACKED_BINDINGS,
  PACKED_DOT_CONSTANTS,
  PACKED_DOT_WGSL,
  PACKED_SHARED_WGSL,
  PACKED_UNIFORMS,
} from '../packed/webgpu/kernels.ts'
import { packedDotPlan } from '../packed/webgpu/launch.ts'
import type { NormLinearInputs, NormLinearOutputs, NormLinearParams } from './types.ts'

/**
 * The hooks of the kernels for few rows. The root is the same for a whole row of y: sums of squares are made beside the products
 * that read the same values, and divide them at the end.
 */
const NORM_ROWS_WGSL = /* wgsl */ `
    var<private> square: vec4f;
    var<workgroup> squares: array<vec4f, 256>;

    fn readA(matrix: u32, m: u32, k: u32) -> f32 {
      let row = min(m, u.M - 1u);
      var x = a[u.aOffset + row * u.aStride + k];
      if (HAS_ADDED) { x += added[row * u.K + k]; }
      if (HAS_GATE) { x *= activate(SILU, gate[u.gateOffset + row * u.gateStride + k]); }
      return x;
    }
    fn scaleOf(k: u32) -> f32 {
      if (HAS_SCALE) { return scale[k]; }
      return 1.0;
    }
    fn see(x: vec4f, inside: bool) { square = select(square, fma(x, x, square), inside); }
    fn keepSquares(local: u32) { squares[local] = square; }
    /** The workgroups of the first columns write what was added up: in the loop of products, it would stand between reads. */
    fn keepTotal(group: vec3u, local: u32) {
      if (!HAS_TOTAL || group.x > 0u) { return; }
      for (var row = 4u * group.y; row < min(u.M, 4u * group.y + 4u); row++) {
        for (var k = local; k < u.K; k += 256u) { total[row * u.K + k] = readA(0u, row, k); }
      }
    }
    fn addSquares(local: u32, other: u32) { squares[local] += squares[other]; }
    fn rootOf(local: u32, row: u32) -> f32 { return 1.0 / sqrt(squares[local][row] / f32(u.K) + u.eps); }`

const NORM_BINDINGS = { scale: 'f32?', added: 'f32?', gate: 'f32? view', total: 'f32? rw' } as const

const normDot = defineKernel({
  name: 'normDot',
  bindings: { ...BINDINGS, ...NORM_BINDINGS },
  uniforms: { ...UNIFORMS, eps: 'f32' },
  constants: DOT_CONSTANTS,
  body: `${SHARED_WGSL}${SUMS_WGSL}${NORM_ROWS_WGSL}${ROWS_AT_WGSL}${DOT_WGSL}`,
})

const packedNormDot = defineKernel({
  name: 'packedNormDot',
  bindings: { ...PACKED_BINDINGS, ...NORM_BINDINGS },
  uniforms: { ...PACKED_UNIFORMS, eps: 'f32' },
  constants: PACKED_DOT_CONSTANTS,
  body: `${PACKED_SHARED_WGSL}${SUMS_WGSL}${NORM_ROWS_WGSL}${ROWS_AT_WGSL}${PACKED_DOT_WGSL}`,
})

/** For few rows: each workgroup computes the norm again, beside its products. */
export const normLinear: Kernel<NormLinearInputs, NormLinearOutputs, NormLinearParams, WebGpuLaunch> =
  kernelFor(
    ({ x }) => x.rows <= x.device.choices.fewRows,
    ({ inputs, outputs, params }) => {
      const { x, residual, z, scale, weight, bias } = inputs
      const { eps, format, rows: N } = params
      const [M, K] = [x.rows, x.width]

      const bindings = {
        a: x,
        b: weight,
        bias,
        y: outputs.y,
        scale,
        added: residual,
        gate: z,
        total: outputs.sum,
      }
      const uniforms = { M, N, K, aBatch: 0, eps }
      const flags = { TRANSPOSE_A: false, KIND: ACTIVATIONS.indexOf('identity') }
      if (format === undefined) {
        const { constants, grid } = dotPlan({ batch: 1, M, N, K }, true)
        return [
          launch(normDot, {
            bindings,
            uniforms: { ...uniforms, bBatch: 0 },
            constants: { ...flags, TRANSPOSE_B: true, ...constants },
            grid,
          }),
        ]
      }
      const { constants, grid } = packedDotPlan(M, N, K)
      return [
        launch(packedNormDot, {
          bindings,
          uniforms: { ...uniforms, panelWords: weight.width },
          constants: { ...flags, FORMAT: PACKED_FORMATS.indexOf(format), ...constants },
          grid,
        }),
      ]
    },
  )
