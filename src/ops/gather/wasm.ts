import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import type {
  EmbeddingInputs,
  EmbeddingOutputs,
  ScatterAddInputs,
  ScatterAddOutputs,
  ScatterAddParams,
} from './types.ts'

/** As in `wasm.as.ts`. */
const COLUMNS = 16

export function embedding({
  inputs: { tokens, weight },
  outputs: { y },
}: Call<EmbeddingInputs, EmbeddingOutputs, object>): WasmLaunch[] {
  const args = { tokens, weight, y, count: weight.rows, width: weight.width }
  return [wasmLaunch('embeddingRows', args, tokens.size)]
}

export function scatterAdd({
  inputs: { rows, indices },
  outputs: { y },
  params: { count },
}: Call<ScatterAddInputs, ScatterAddOutputs, ScatterAddParams>): WasmLaunch[] {
  const { width, rowStride } = rows
  const args = { rows, indices, y, T: indices.size, count, width, rowsStride: rowStride }
  return [wasmLaunch('scatterAddColumns', args, Math.ceil(width / COLUMNS))]
}
