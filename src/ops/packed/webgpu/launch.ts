import type { WebGpuDevice } from '../../../devices/webgpu/device.ts'
import { gridOf, launch, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { ACTIVATIONS } from '../../activation/kinds.ts'
import { inTiles, isAligned, isLarge, tilesFor } from '../../matmul/webgpu/launch.ts'
import { tilingFor } from '../../matmul/webgpu/tiling.ts'
import type { Call } from '../../operation.ts'
import { PACKED_FORMATS, PANEL_ROWS } from '../format.ts'
import type {
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams,
  PackedLinearInputs,
  PackedLinearOutputs,
  PackedLinearParams,
} from '../types.ts'
import { packedDot, packedRows, packedTile128, packedTile64 } from './kernels.ts'
import { MATRIX_INNER, MATRIX_TILES, packedMatrixTile, subgroupsOf } from './matrix-tiles.ts'

/** Outputs from which 16 invocations are enough for a row: each then has much to add up. */
const MANY_OUTPUTS = 16384
const WORKGROUP = 256

export function packedLinear({
  inputs: { x, words, bias, residual },
  outputs: { y },
  params,
  device,
  scratch,
}: Call<PackedLinearInputs, PackedLinearOutputs, PackedLinearParams>): WebGpuLaunch[] {
  const [M, N, K] = [x.rows, params.rows, x.width]
  const KIND = ACTIVATIONS.indexOf(params.activation)
  const uniforms = { M, N, K, aBatch: 0, panelWords: words.width }
  const flags = { TRANSPOSE_A: false, KIND, FORMAT: PACKED_FORMATS.indexOf(params.format) }
  if (M <= device.choices.fewRows) {
    const { constants, grid } = packedDotPlan(M, N, K)
    return [
      launch(packedDot, {
        bindings: { a: x, b: words, bias, residual, y },
        uniforms,
        constants: { ...flags, ...constants },
        grid,
      }),
    ]
  }
  const outputs = { bias, residual, y, KIND }
  const dims = { batch: 1, M, N, K }
  if (params.format === 'f16' && (device as WebGpuDevice).subgroupMatrix && suitsMatrices(x)) {
    return inTiles(dims, tilingFor(dims, MATRIX_TILES), outputs, scratch, ({ tiles, plan, to }) =>
      launch(packedMatrixTile, {
        bindings: { a: x, b: words, ...to },
        uniforms: { M, N, K, panelWords: words.width, ...plan.uniforms },
        constants: { KIND, SPLIT: plan.SPLIT, ...subgroupsOf(tiles) },
        grid: plan.grid,
      }),
    )
  }
  return inTiles(
    dims,
    tilingFor(dims, tilesFor(device as WebGpuDevice, isAligned(x, 0))),
    outputs,
    scratch,
    ({ tiles, plan, to }) => {
      const values = {
        bindings: { a: x, b: words, ...to },
        uniforms: { ...uniforms, ...plan.uniforms },
        grid: plan.grid,
      }
      const switches = { ...flags, SPLIT: plan.SPLIT }
      return isLarge(tiles)
        ? launch(packedTile128, { ...values, constants: switches })
        : launch(packedTile64, { ...values, constants: { ...switches, TRANSPOSE_B: true } })
    },
  )
}

/** Matrix units take whole steps of the inner axis, read in vectors of four. */
function suitsMatrices(x: Tensor): boolean {
  return x.width % MATRIX_INNER === 0 && isAligned(x, 0)
}

/** How `packedDot` shares the work: what an H100 liked best. */
export function packedDotPlan(M: number, N: number, K: number) {
  const LANES = lanesFor(K, N < MANY_OUTPUTS ? 128 : 16)
  const constants = { LANES, ROWS: Math.min(PANEL_ROWS, 256 / LANES), SINGLE: M === 1 }
  return { constants, grid: [Math.ceil(N / (256 / LANES)), Math.ceil(M / 4)] } as const
}

/** Invocations that share a row: a power of two from 8 on, each with a dozen columns or more. */
function lanesFor(K: number, most: number): number {
  let lanes = 8
  while (lanes < most && 24 * lanes <= K) lanes *= 2
  return lanes
}

export function packedEmbedding({
  inputs: { tokens, words },
  outputs: { y },
  params: { format, rows, columns },
}: Call<PackedEmbeddingInputs, PackedEmbeddingOutputs, PackedEmbeddingParams>): WebGpuLaunch[] {
  return [
    launch(packedRows, {
      bindings: { tokens, b: words, y },
      uniforms: { size: y.size, N: rows, K: columns, panelWords: words.width },
      constants: { WORKGROUP, FORMAT: PACKED_FORMATS.indexOf(format) },
      grid: gridOf(y.size, WORKGROUP),
    }),
  ]
}
