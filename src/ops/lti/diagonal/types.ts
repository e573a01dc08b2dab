import type { Tensor } from '../../../tensor/tensor.ts'
import type { LtiMode, LtiParams } from '../types.ts'

export interface LtiDiagonalInputs extends LtiMode {
  /** [B, L, C] */
  readonly u: Tensor
  /** [B, C, N] */
  readonly initialRe?: Tensor | undefined
  readonly initialIm?: Tensor | undefined
  /** i32 [B, L]: nonzero where the state is zeroed before the token */
  readonly reset?: Tensor | undefined
}

export interface LtiDiagonalOutputs {
  /** [B, L, C]; absent if `finalOnly` */
  readonly y?: Tensor | undefined
  /** [B, C, N] */
  readonly finalRe: Tensor
  readonly finalIm?: Tensor | undefined
}

export interface LtiDiagonalParams extends LtiParams {
  /** Whether only the final state is computed. */
  readonly finalOnly?: boolean
}
