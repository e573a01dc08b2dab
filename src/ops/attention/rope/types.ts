import type { Tensor } from '../../../tensor/tensor.ts'

/** Queries or keys, and their positions. */
export type RopeInputs = {
  /** [B, L, H*P], strided rows allowed */
  readonly x: Tensor
  /** i32 [B]: the position of the first row. Default: 0 */
  readonly past?: Tensor | undefined
}

/** y [B, L, H*P] */
export type RopeOutputs = { readonly y: Tensor }

export type RopeParams = {
  /** P */
  readonly headDim: number
  readonly theta: number
  /** R <= P, even: what is rotated of each head; the rest is copied. */
  readonly rotaryDim: number
  /** Rotates back: the transpose, which is also the gradient. */
  readonly inverse: boolean
}
