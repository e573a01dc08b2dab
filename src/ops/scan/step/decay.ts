import type { Tensor } from '../../../tensor/tensor.ts'
import { exp } from '../../activation/op.ts'
import { scale } from '../../elementwise/op.ts'

/** A from its logarithm: -exp(A_log). */
export function decayOf(logarithm: Tensor): Tensor {
  return scale(exp(logarithm), -1)
}
