import type { Tensor } from '../../tensor/tensor.ts'

/** x [B, L, ..., W], rows any stride apart; f32 or i32 */
export type FlipInputs = { readonly x: Tensor }

/** y [B, L, ..., W], contiguous */
export type FlipOutputs = { readonly y: Tensor }
