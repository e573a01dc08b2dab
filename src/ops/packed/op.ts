import { activeTape } from '../../autograd/tape.ts'
import { ConfigError, ShapeError } from '../../errors.ts'
import { expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import type { LinearEpilogue } from '../matmul/op.ts'
import { defineOperation } from '../operation.ts'
import { PANEL_ROWS, panelWords, type PackedFormat } from './format.ts'
import type { PackedMatrix } from './matrix.ts'
import type {
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams,
  PackedLinearInputs,
  PackedLinearOutputs,
  PackedLinearParams,
} from './types.ts'

export const packedLinearOp = defineOperation<PackedLinearInputs, PackedLinearOutputs, PackedLinearParams>({
  name: 'packedLinear',
  dtypes: { words: 'u32' },
  outputs({ x, words, bias, residual }, { format, rows }) {
    expectWords('packedLinear: words', words, format, rows, x.width)
    const shape = [...x.shape.slice(0, -1), rows]
    if (bias) expectShape('packedLinear: bias', bias.shape, [rows])
    if (residual) expectShape('packedLinear: residual', residual.shape, shape)
    return { y: { shape } }
  },
  views: ['x'],
})

export const packedEmbeddingOp = defineOperation<
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams
>({
  name: 'packedEmbedding',
  dtypes: { tokens: 'i32', words: 'u32' },
  outputs({ tokens, words }, { format, rows, columns }) {
    expectWords('packedEmbedding: words', words, format, rows, columns)
    return { y: { shape: [...tokens.shape, columns] } }
  },
})

function expectWords(
  where: string,
  words: Tensor,
  format: PackedFormat,
  rows: number,
  columns: number,
): void {
  if (!(Number.isSafeInteger(rows) && rows > 0)) {
    throw new ShapeError('there are no rows', { where, expected: '1 or more', found: rows })
  }
  expectShape(where, words.shape, [Math.ceil(rows / PANEL_ROWS), panelWords(format, columns)])
}

/**
 * y [..., N] = f(x [..., K] Wᵀ + bias) + residual, computed from the packed form. There is no gradient.
 *
 * @throws ConfigError if a gradient would be wanted
 */
export function packedLinear(
  x: Tensor,
  weight: PackedMatrix,
  bias?: Tensor,
  options: LinearEpilogue = {},
): Tensor {
  const { activation = 'identity', residual } = options
  const { format, shape, words } = weight
  refuseGradient(format, [x, bias, residual])
  return apply(packedLinearOp, { x, words, bias, residual }, { format, rows: shape[0], activation }).y
}

/** Throws ConfigError if a tape tracks what is multiplied by packed weights. */
export function refuseGradient(format: PackedFormat, inputs: readonly (Tensor | undefined)[]): void {
  const tape = activeTape()
  if (!inputs.some((x) => tape?.tracks(x))) return
  throw new ConfigError(`weights in ${format} have no gradient`, {
    where: 'packedLinear',
    hint: "To train, load the model with weights: 'f32'",
  })
}

/** y [..., :] = W[tokens [...], :] from the packed form; a token id outside [0, N) takes the nearest row. */
export function packedEmbedding(tokens: Tensor, weight: PackedMatrix): Tensor {
  const { format, shape, words } = weight
  const [rows, columns] = shape
  return apply(packedEmbeddingOp, { tokens, words }, { format, rows, columns }).y
}
