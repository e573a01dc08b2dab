import { defineKernel, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import { part } from '../../devices/webgpu/part.ts'
import { ACTIVATIONS } from '../activation/kinds.ts'
import { kernelFor, type Kernel } from '../kernels/kernels.ts'
import { dotPlan } from '../matmul/webgpu/launch.ts'
import { PACKED_FORMATS } from '../packed/format.ts'
import { packedDotPlan } from '../packed/webgpu/launch.ts'
import { DOT_CONSTANTS, dotPart, readRowsPart } from '../parts/few-rows.ts'
import { inverseRootPart } from '../parts/inverse-root.ts'
import { PACKED_BINDINGS, PACKED_DOT_CONSTANTS, PACKED_UNIFORMS, packedDotPart } from '../parts/packed-dot.ts'
import { packedParts } from '../parts/packed-weights.ts'
import { BINDINGS, finishParts, UNIFORMS } from '../parts/product.ts'
import type { NormLinearInputs, NormLinearOutputs, NormLinearParams } from './types.ts'

/**
 * Rows of a as they are normalised, without their roots. Squares are added up beside the products that read
 * the same values.
 */
const normRowsPart = part({
  name: 'normalised rows',
  needs: [
    'u.M',
    'a',
    'u.aOffset',
    'u.aStride',
    'HAS_ADDED',
    'added',
    'u.K',
    'HAS_GATE',
    'activate',
    'SILU',
    'gate',
    'u.gateOffset',
    'u.gateStride',
    'readRows',
    'HAS_SCALE',
    'scale',
  ],
  gives: ['readA', 'rowsAt', 'scaled', 'square'],
  text: /* wgsl */ `
    var<private> square: vec4f;

    fn readA(matrix: u32, m: u32, k: u32) -> f32 {
      let row = min(m, u.M - 1u);
      var x = a[u.aOffset + row * u.aStride + k];
      if (HAS_ADDED) { x += added[row * u.K + k]; }
      if (HAS_GATE) { x *= activate(SILU, gate[u.gateOffset + row * u.gateStride + k]); }
      return x;
    }
    fn rowsAt(matrix: u32, m: u32, k: u32, inside: bool) -> vec4f {
      let x = readRows(matrix, m, k);
      square = select(square, fma(x, x, square), inside);
      return x;
    }
    fn scaled(weight: f32, k: u32) -> f32 {
      if (HAS_SCALE) { return weight * scale[k]; }
      return weight;
    }`,
})

/**
 * Sums of products and of squares. The root is the same for a whole row of y: it divides what was added up.
 */
const normSumsPart = part({
  name: 'sums with roots',
  needs: ['square', 'u.K', 'u.eps', 'inverseRoot'],
  gives: ['keepSums', 'joinSums', 'sumOf'],
  text: /* wgsl */ `
    var<workgroup> sums: array<vec4f, 256>;
    var<workgroup> squares: array<vec4f, 256>;
    fn keepSums(local: u32, sum: vec4f) {
      sums[local] = sum;
      squares[local] = square;
    }
    fn joinSums(local: u32, other: u32) {
      sums[local] += sums[other];
      squares[local] += squares[other];
    }
    fn sumOf(local: u32, row: u32) -> f32 {
      return sums[local][row] * inverseRoot(squares[local][row] / f32(u.K) + u.eps);
    }`,
})

const normParts = [readRowsPart, normRowsPart, inverseRootPart, normSumsPart]

/**
 * The workgroups of the first columns write what was added up: in the loop of products, it would stand
 * between reads.
 */
const MAIN = /* wgsl */ `
    fn writeTotal(group: vec3u, local: u32) {
      if (!HAS_TOTAL || group.x > 0u) { return; }
      for (var row = 4u * group.y; row < min(u.M, 4u * group.y + 4u); row++) {
        for (var k = local; k < u.K; k += 256u) { total[row * u.K + k] = readA(0u, row, k); }
      }
    }

    @compute @workgroup_size(256)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) local: u32) {
      dot(group, local);
      writeTotal(group, local);
    }`

const NORM_BINDINGS = { scale: 'f32?', added: 'f32?', gate: 'f32? view', total: 'f32? rw' } as const

const normDot = defineKernel({
  name: 'normDot',
  bindings: { ...BINDINGS, ...NORM_BINDINGS },
  uniforms: { ...UNIFORMS, eps: 'f32' },
  constants: DOT_CONSTANTS,
  parts: [...finishParts, ...normParts, dotPart],
  body: MAIN,
})

const packedNormDot = defineKernel({
  name: 'packedNormDot',
  bindings: { ...PACKED_BINDINGS, ...NORM_BINDINGS },
  uniforms: { ...PACKED_UNIFORMS, eps: 'f32' },
  constants: PACKED_DOT_CONSTANTS,
  parts: [...finishParts, ...packedParts, ...normParts, packedDotPart],
  body: MAIN,
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
