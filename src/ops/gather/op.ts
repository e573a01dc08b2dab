import { ShapeError } from '../../errors.ts'
import { expectRank, expectShape, showShape, sizeOf } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import type {
  EmbeddingInputs,
  EmbeddingOutputs,
  ScatterAddInputs,
  ScatterAddOutputs,
  ScatterAddParams,
} from './types.ts'

export const scatterAddOp = defineOperation<ScatterAddInputs, ScatterAddOutputs, ScatterAddParams>({
  name: 'scatterAdd',
  dtypes: { indices: 'i32' },
  outputs({ rows, indices }, { count }) {
    expectShape('scatterAdd: rows', rows.shape, [...indices.shape, rows.width])
    expectRows('scatterAdd: count', count, indices)
    return { y: { shape: [count, rows.width] } }
  },
  views: ['rows'],
  saved: ['indices'],
  gradient: ({ inputs: { indices }, grads }) => ({
    rows: embedding({ tokens: indices, weight: grads.y! }),
  }),
})

export const embeddingOp = defineOperation<EmbeddingInputs, EmbeddingOutputs, object>({
  name: 'embedding',
  dtypes: { tokens: 'i32' },
  outputs({ tokens, weight }) {
    expectRank('embedding: weight', weight.shape, 2)
    expectRows('embedding: weight', weight.rows, tokens)
    return { y: { shape: [...tokens.shape, weight.width] } }
  },
  saved: ['tokens'],
  gradient: ({ inputs: { tokens, weight }, grads }) => ({
    weight: scatterAdd({ rows: grads.y!, indices: tokens }, { count: weight.rows }),
  }),
})

/** There is no row to clamp an index to if there are no rows. */
function expectRows(where: string, count: number, indices: Tensor): void {
  if (Number.isSafeInteger(count) && (count > 0 || sizeOf(indices.shape) === 0)) return
  throw new ShapeError('there are no rows to choose from', {
    where,
    found: `${count} for ${showShape(indices.shape)}`,
  })
}

/**
 * y[..., :] = weight[tokens[...], :]
 *
 * A token id outside [0, V) takes the nearest row, so that nothing outside `weight` is ever read; to refuse
 * such ids is the caller's part, on the host.
 */
export function embedding(inputs: EmbeddingInputs): Tensor {
  return apply(embeddingOp, inputs, {}).y
}

/**
 * y[v, :] = Σ rows[t, :] over all t with indices[t] = v; zero where there are none. The gradient of
 * `embedding`.
 *
 * Sums run in the order of t: the same bits on each run. Indices outside [0, count) count as the nearest one.
 */
export function scatterAdd(inputs: ScatterAddInputs, params: ScatterAddParams): Tensor {
  return apply(scatterAddOp, inputs, params).y
}
