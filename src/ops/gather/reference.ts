import { dims } from '../../tensor/shape.ts'
import type { Arrays } from '../operation.ts'
import type {
  EmbeddingInputs,
  EmbeddingOutputs,
  ScatterAddInputs,
  ScatterAddOutputs,
  ScatterAddParams,
} from './types.ts'

/** The row that an index means: the nearest one if it is out of range. */
const rowOf = (index: number, count: number): number => Math.min(Math.max(index, 0), count - 1)

/** y[t, d] = weight[tokens[t], d] */
export function embedding(
  { tokens, weight }: Arrays<EmbeddingInputs>,
  { y }: Arrays<EmbeddingOutputs>,
): void {
  const [V, D] = dims(weight, 2)
  for (let t = 0; t < tokens.data.length; t++) {
    const row = rowOf(tokens.data[t], V)
    for (let d = 0; d < D; d++) y.data[t * D + d] = weight.data[row * D + d]!
  }
}

/** y[indices[t], d] += rows[t, d] */
export function scatterAdd(
  { rows, indices }: Arrays<ScatterAddInputs>,
  { y }: Arrays<ScatterAddOutputs>,
  { count }: ScatterAddParams,
): void {
  const D = y.shape[1]
  for (let t = 0; t < indices.data.length; t++) {
    const row = rowOf(indices.data[t], count)
    for (let d = 0; d < D; d++) y.data[row * D + d] += rows.data[t * D + d]
  }
}
