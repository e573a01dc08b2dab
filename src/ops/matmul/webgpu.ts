import { gridOf, launch, type Grid, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { ACTIVATIONS } from '../activation/kinds.ts'
import type { Call } from '../operation.ts'
import { dimsOf, type Dims } from './dims.ts'
import { matmulColumns, matmulDot } from './few-rows.ts'
import { matmulTile128, matmulTile64 } from './tiles.ts'
import type { MatmulInputs, MatmulOutputs, MatmulParams } from './types.ts'
import { tilingFor } from './tiling.ts'
import { matmulCombine } from './wgsl.ts'

/** Up to so many rows, b is streamed past them; with more, tiles are computed. */
const DOT_ROWS = 32
const COLUMN_ROWS = 8
/** Outputs from which 32 invocations are enough for one; with fewer, more share it. */
const MANY_OUTPUTS = 4096
/** Invocations side by side along the inner axis, for columns of b. */
const COLUMN_LANES = 8
export function webgpu({
  inputs,
  outputs: { y, pre },
  params,
  scratch,
}: Call<MatmulInputs, MatmulOutputs, MatmulParams>): WebGpuLaunch[] {
  const { a, b, bias, residual } = inputs
  const { batch, M, N, K, aBatch, bBatch } = dimsOf(inputs, params)
  const bindings = { a, b, bias, residual, pre, y }
  const uniforms = { M, N, K, aBatch, bBatch }
  const KIND = ACTIVATIONS.indexOf(params.activation)
  const flags = { TRANSPOSE_A: params.transposeA, TRANSPOSE_B: params.transposeB, KIND }

  if (M <= (params.transposeB ? DOT_ROWS : COLUMN_ROWS)) {
    const few = batch * N < MANY_OUTPUTS
    const LANES = lanesFor(K, params.transposeB ? (few ? 128 : 32) : COLUMN_LANES)
    const grid = [Math.ceil(N / (256 / LANES)), Math.ceil(M / 4), batch] as const
    const values = { bindings, uniforms, constants: { ...flags, LANES, SINGLE: M === 1 }, grid }
    return [params.transposeB ? launch(matmulDot, values) : launch(matmulColumns, values)]
  }

  const epilogue = { bias, residual, pre, y, KIND }
  return inTiles({ batch, M, N, K }, epilogue, scratch, ({ large, plan, to }) => {
    const values = {
      bindings: { a, b, ...to },
      uniforms: { ...uniforms, ...plan.uniforms },
      constants: { ...flags, ...plan.constants },
      grid: plan.grid,
    }
    return large ? launch(matmulTile128, values) : launch(matmulTile64, values)
  })
}

/** How a product is cut in tiles. */
interface Tiling {
  /** 128 x 128, not 64 x 64. */
  readonly large: boolean
  readonly plan: {
    readonly uniforms: { readonly matrices: number; readonly part: number }
    readonly constants: { readonly SPLIT: boolean; readonly GROUPS: number; readonly INNER: number }
    readonly grid: Grid
  }
  /** Where the tiles go: to y, or as parts of sums to scratch. */
  readonly to: Outputs
}

interface Outputs {
  readonly bias?: Tensor | undefined
  readonly residual?: Tensor | undefined
  readonly pre?: Tensor | undefined
  readonly y: Tensor
}

/** The launches of a product in tiles: `tile` makes the one that computes them. */
export function inTiles(
  { batch, M, N, K }: Pick<Dims, 'batch' | 'M' | 'N' | 'K'>,
  { KIND, ...outputs }: Outputs & { readonly KIND: number },
  scratch: (shape: Shape) => Tensor,
  tile: (tiling: Tiling) => WebGpuLaunch,
): WebGpuLaunch[] {
  const { y } = outputs
  const { large, side, INNER, splits: wanted } = tilingFor({ batch, M, N, K })
  const part = Math.ceil(K / wanted)
  const splits = Math.ceil(K / part)
  const SPLIT = splits > 1
  const parts = SPLIT ? scratch([splits, y.size]) : undefined
  const plan = {
    uniforms: { matrices: batch, part },
    constants: { SPLIT, GROUPS: side / 4, INNER },
    grid: [Math.ceil(N / side), Math.ceil(M / side), batch * splits] as const,
  }
  const tiles = tile({ large, plan, to: parts ? { y: parts } : outputs })
  if (!parts) return [tiles]
  const combine = launch(matmulCombine, {
    bindings: { parts, ...outputs },
    uniforms: { M, N, size: y.size, splits },
    constants: { WORKGROUP: 256, KIND },
    grid: gridOf(y.size, 256),
  })
  return [tiles, combine]
}

/** Invocations that share an inner product: a power of two, each with at least some eight products to add up. */
function lanesFor(K: number, most: number): number {
  let lanes = 4
  while (lanes < most && 8 * lanes < K) lanes *= 2
  return lanes
}
