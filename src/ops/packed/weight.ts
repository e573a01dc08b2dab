import type { Tensor } from '../../tensor/tensor.ts'
import { embedding } from '../gather/op.ts'
import { linear, type LinearEpilogue } from '../matmul/op.ts'
import { PackedMatrix } from './matrix.ts'
import { packedEmbedding, packedLinear } from './op.ts'

/** A weight matrix as f32, or packed. */
export type Weight = Tensor | PackedMatrix

/** y [..., out] = f(x [..., in] weightᵀ + bias) + residual */
export function linearBy(x: Tensor, weight: Weight, bias?: Tensor, options: LinearEpilogue = {}): Tensor {
  return weight instanceof PackedMatrix
    ? packedLinear(x, weight, bias, options)
    : linear(x, weight, bias, options)
}

/** y [..., :] = weight[tokens [...], :] */
export function embeddingBy(tokens: Tensor, weight: Weight): Tensor {
  return weight instanceof PackedMatrix ? packedEmbedding(tokens, weight) : embedding({ tokens, weight })
}
