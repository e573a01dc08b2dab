import type { Tensor } from '../../tensor/tensor.ts'

/**
 * x [B, L, C]; weight [C, K], the last tap on the present token; bias [C]; initialWindow [B, C, K-1], the
 * inputs before the first, oldest first (absent: zeros); reset i32 [B, L], nonzero where a new sequence
 * starts
 */
export type CausalConv1dInputs = {
  readonly x: Tensor
  readonly weight: Tensor
  readonly bias?: Tensor | undefined
  readonly initialWindow?: Tensor | undefined
  readonly reset?: Tensor | undefined
}

/** y [B, L, C]; finalWindow [B, C, K-1], the last inputs, oldest first */
export type CausalConv1dOutputs = { readonly y: Tensor; readonly finalWindow: Tensor }

/** What follows the convolution. */
export type CausalConv1dParams = { readonly activation?: 'silu' | 'identity' | undefined }

/** window [B, C, K-1], oldest first; x [B, C]; weight [C, K]; bias [C] */
export type CausalConv1dUpdateInputs = {
  readonly window: Tensor
  readonly x: Tensor
  readonly weight: Tensor
  readonly bias?: Tensor | undefined
}

/** y [B, C] */
export type CausalConv1dUpdateOutputs = { readonly y: Tensor }
