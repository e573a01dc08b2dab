import type { Tensor } from '../../tensor/tensor.ts'
import type { EitherParams } from '../packed/types.ts'

/** x, residual, z [B, K]; scale [K]; weight [N, K], or u32 words of a packed one; bias [N] */
export type NormLinearInputs = {
  readonly x: Tensor
  readonly residual?: Tensor | undefined
  readonly z?: Tensor | undefined
  readonly scale?: Tensor | undefined
  readonly weight: Tensor
  readonly bias?: Tensor | undefined
}

/** y [B, N]; sum [B, K] = x + residual, if there is a residual */
export type NormLinearOutputs = { readonly y: Tensor; readonly sum?: Tensor | undefined }

export type NormLinearParams = EitherParams & {
  /** Added to the mean square before its root. */
  readonly eps: number
}
