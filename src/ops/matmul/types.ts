import type { Tensor } from '../../tensor/tensor.ts'
import type { Activation } from '../activation/kinds.ts'

/** A(a) is [M, K], B(b) is [K, N]: the last two axes of a and b, or their transposes. */
export type MatmulInputs = {
  /** a [..., M, K], or [..., K, M] if transposed; rows any stride apart */
  readonly a: Tensor
  /**
   * b [K, N] for all of a's matrices, or [..., K, N] one for each; [N, K] if transposed; rows any stride
   * apart
   */
  readonly b: Tensor
  /** bias [N] */
  readonly bias?: Tensor | undefined
  /** residual [..., M, N], added last */
  readonly residual?: Tensor | undefined
}

export type MatmulOutputs = {
  /** y [..., M, N] */
  readonly y: Tensor
  /** pre [..., M, N]: what the activation was applied to; only with `keepPre` */
  readonly pre?: Tensor | undefined
}

export type MatmulParams = {
  readonly transposeA: boolean
  readonly transposeB: boolean
  readonly activation: Activation
  /** Whether `pre` is wanted, so that the gradient need not compute it again. */
  readonly keepPre: boolean
}
