import type { Tensor } from '../../../tensor/tensor.ts'
import type { LtiMode, LtiModeGradients, LtiParams } from '../types.ts'

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

export interface LtiDiagonalBackwardInputs extends LtiDiagonalInputs {
  readonly dy?: Tensor | undefined
  readonly dFinalRe?: Tensor | undefined
  readonly dFinalIm?: Tensor | undefined
}

export interface LtiDiagonalBackwardOutputs extends LtiModeGradients {
  readonly du: Tensor
  readonly dInitialRe?: Tensor | undefined
  readonly dInitialIm?: Tensor | undefined
}
