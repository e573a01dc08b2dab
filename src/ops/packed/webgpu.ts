import { gridOf, launch, type WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import { ACTIVATIONS } from '../activation/kinds.ts'
import { inTiles } from '../matmul/webgpu.ts'
import type { Call } from '../operation.ts'
import { PACKED_FORMATS, PANEL_ROWS, type PackedFormat } from './format.ts'
import { packedDot, packedRows, packedTile128, packedTile64 } from './kernels.ts'
import type {
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams,
  PackedLinearInputs,
  PackedLinearOutputs,
  PackedLinearParams,
} from './types.ts'

/** Up to so many rows, panels are streamed past them; with more, tiles are computed. */
const DOT_ROWS = 32
/** Columns of a word. */
const COLUMNS: Readonly<Record<PackedFormat, number>> = { f16: 2, q8: 4, q4: 8 }
const WORKGROUP = 256

export function linearWebgpu({
  inputs: { x, words, bias, residual },
  outputs: { y },
  params,
  scratch,
}: Call<PackedLinearInputs, PackedLinearOutputs, PackedLinearParams>): WebGpuLaunch[] {
  const [M, N, K] = [x.rows, params.rows, x.width]
  const KIND = ACTIVATIONS.indexOf(params.activation)
  const uniforms = { M, N, K, aBatch: 0, panelWords: words.width }
  const flags = { TRANSPOSE_A: false, KIND, FORMAT: PACKED_FORMATS.indexOf(params.format) }
  if (M <= DOT_ROWS) {
    const LANES = lanesFor(K / COLUMNS[params.format])
    return [
      launch(packedDot, {
        bindings: { a: x, b: words, bias, residual, y },
        uniforms,
        constants: { ...flags, LANES, SINGLE: M === 1 },
        grid: [Math.ceil(N / ((32 / LANES) * PANEL_ROWS)), Math.ceil(M / 4)],
      }),
    ]
  }
  const outputs = { bias, residual, y, KIND }
  return inTiles({ batch: 1, M, N, K }, outputs, scratch, ({ large, plan, to }) => {
    const values = {
      bindings: { a: x, b: words, ...to },
      uniforms: { ...uniforms, ...plan.uniforms },
      constants: { ...flags, TRANSPOSE_B: true, ...plan.constants },
      grid: plan.grid,
    }
    return large ? launch(packedTile128, values) : launch(packedTile64, values)
  })
}

/** Invocations that share a row: a power of two from 4 to 32, each with two words or more if it can be. */
function lanesFor(words: number): number {
  let lanes = 4
  while (lanes < 32 && 4 * lanes <= words) lanes *= 2
  return lanes
}

export function embeddingWebgpu({
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
