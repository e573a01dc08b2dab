import type { Tensor } from '../../tensor/tensor.ts'

/** x, residual, z [..., W]; weight, bias [W] */
export type NormInputs = {
  readonly x: Tensor
  readonly residual?: Tensor | undefined
  readonly weight?: Tensor | undefined
  readonly bias?: Tensor | undefined
  readonly z?: Tensor | undefined
}

/** y [..., W]; sum [..., W] = x + residual, if there is a residual */
export type NormOutputs = { readonly y: Tensor; readonly sum?: Tensor | undefined }

/** How rows are normalised. */
export type NormParams = {
  /** Added to the mean square (or variance) before its root. */
  readonly eps: number
  /** Channels that are normalised together. Default: all. */
  readonly groupSize?: number | undefined
  /** norm(x) silu(z) if true; norm(x silu(z)), the default, if not. */
  readonly normBeforeGate?: boolean | undefined
  /** Takes the mean off first: LayerNorm. */
  readonly center: boolean
}
