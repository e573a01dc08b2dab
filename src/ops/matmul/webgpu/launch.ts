import type { WebGpuDevice } from '../../../devices/webgpu/device.ts'
import { gridOf, launch, type Grid, type WebGpuLaunch } from '../../../devices/webgpu/kernel.ts'
import type { Shape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { ACTIVATIONS } from '../../activation/kinds.ts'
import type { Call } from '../../operation.ts'
import { dimsOf, type Dims } from '../dims.ts'
import type { MatmulInputs, MatmulOutputs, MatmulParams } from '../types.ts'
import { matmulColumns, matmulCombine, matmulDot, matmulTile128, matmulTile64 } from './kernels.ts'
import { LARGE, LARGE_BYTES, SMALL, tilingFor, type Tiles } from './tiling.ts'
import { turn } from './turn.ts'

type Sizes = Pick<Dims, 'batch' | 'M' | 'N' | 'K'>

/** As `choices.fewRows`, where b is not transposed. */
const COLUMN_ROWS = 8
/** Outputs from which 32 invocations are enough for one; with fewer, more share it. */
const MANY_OUTPUTS = 4096
/** Invocations side by side along the inner axis, for columns of b. */
const COLUMN_LANES = 8

export function matmul({
  inputs,
  outputs: { y, pre },
  params,
  scratch,
  device,
}: Call<MatmulInputs, MatmulOutputs, MatmulParams>): WebGpuLaunch[] {
  const { a, b, bias, residual } = inputs
  const { batch, M, N, K, aBatch, bBatch } = dimsOf(inputs, params)
  const bindings = { a, b, bias, residual, pre, y }
  const uniforms = { M, N, K, aBatch, bBatch }
  const KIND = ACTIVATIONS.indexOf(params.activation)
  const flags = { TRANSPOSE_A: params.transposeA, TRANSPOSE_B: params.transposeB, KIND }

  if (M <= (params.transposeB ? device.choices.fewRows : COLUMN_ROWS)) {
    const { constants, grid } = dotPlan({ batch, M, N, K }, params.transposeB)
    const values = { bindings, uniforms, constants: { ...flags, ...constants }, grid }
    return [params.transposeB ? launch(matmulDot, values) : launch(matmulColumns, values)]
  }

  const epilogue = { bias, residual, pre, y, KIND }
  const sizes = { batch, M, N, K }
  const aligned = isAligned(a, aBatch) && isAligned(b, bBatch)
  const tiling = tilingFor(sizes, tilesFor(device as WebGpuDevice, aligned))
  const turns: WebGpuLaunch[] = []
  if (batch === 1 && isLarge(tiling.tiles)) {
    if (!params.transposeA && N >= device.choices.transposeFrom && M % 4 === 0) {
      bindings.a = scratch([K, M])
      flags.TRANSPOSE_A = true
      turns.push(turn(a, bindings.a))
    }
    if (params.transposeB && M >= device.choices.transposeFrom && N % 4 === 0) {
      bindings.b = scratch([K, N])
      flags.TRANSPOSE_B = false
      turns.push(turn(b, bindings.b))
    }
  }
  const product = inTiles(sizes, tiling, epilogue, scratch, ({ tiles, plan, to }) => {
    const values = {
      bindings: { a: bindings.a, b: bindings.b, ...to },
      uniforms: { ...uniforms, ...plan.uniforms },
      constants: { ...flags, SPLIT: plan.SPLIT },
      grid: plan.grid,
    }
    return isLarge(tiles) ? launch(matmulTile128, values) : launch(matmulTile64, values)
  })
  return [...turns, ...product]
}

/**
 * The kinds of tiles that a product may be cut in. Large ones read vectors of four, and not every GPU has
 * room for them.
 */
export function tilesFor(device: Pick<WebGpuDevice, 'choices' | 'gpu'>, aligned: boolean): readonly Tiles[] {
  const fits = device.gpu.limits.maxComputeWorkgroupStorageSize >= LARGE_BYTES
  return aligned && fits && device.choices.largestTile === LARGE.rows ? [SMALL, LARGE] : [SMALL]
}

/** Whether rows of x can be read in vectors of four, in all matrices. */
export function isAligned({ offset, rowStride, width }: Tensor, matrix: number): boolean {
  return [offset, rowStride, width, matrix].every((words) => words % 4 === 0)
}

/** How the kernels for few rows share the work. */
export function dotPlan({ batch, M, N, K }: Sizes, transposeB: boolean) {
  const most = batch * N < MANY_OUTPUTS ? 128 : 32
  const LANES = lanesFor(K, transposeB ? most : COLUMN_LANES)
  const grid = [Math.ceil(N / (256 / LANES)), Math.ceil(M / 4), batch] as const
  return { constants: { LANES, SINGLE: M === 1 }, grid }
}

/** Whether the kernel of large tiles computes these. */
export const isLarge = ({ rows }: Tiles): boolean => rows === LARGE.rows

/** How a product is cut in tiles. */
interface Tiling {
  readonly tiles: Tiles
  readonly plan: {
    readonly uniforms: { readonly matrices: number; readonly part: number }
    readonly SPLIT: boolean
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

/** The launches of a product in these tiles: `tile` makes the one that computes them. */
export function inTiles(
  { batch, M, N, K }: Sizes,
  { tiles, splits: wanted }: ReturnType<typeof tilingFor>,
  { KIND, ...outputs }: Outputs & { readonly KIND: number },
  scratch: (shape: Shape) => Tensor,
  tile: (tiling: Tiling) => WebGpuLaunch,
): WebGpuLaunch[] {
  const { y } = outputs
  const part = Math.ceil(K / wanted / tiles.INNER) * tiles.INNER
  const splits = Math.ceil(K / part)
  const SPLIT = splits > 1
  const parts = SPLIT ? scratch([splits, y.size]) : undefined
  const plan = {
    uniforms: { matrices: batch, part },
    SPLIT,
    grid: [Math.ceil(N / tiles.columns), Math.ceil(M / tiles.rows), batch * splits] as const,
  }
  const product = tile({ tiles, plan, to: parts ? { y: parts } : outputs })
  if (!parts) return [product]
  const combine = launch(matmulCombine, {
    bindings: { parts, ...outputs },
    uniforms: { M, N, size: y.size, splits },
    constants: { WORKGROUP: 256, KIND },
    grid: gridOf(y.size, 256),
  })
  return [product, combine]
}

/**
 * Invocations that share an inner product: a power of two, each with at least some eight products to add up.
 */
function lanesFor(K: number, most: number): number {
  let lanes = 4
  while (lanes < most && 8 * lanes < K) lanes *= 2
  return lanes
}
