import type { Tensor } from '../../tensor/tensor.ts'

/** x [..., W], rows any stride apart; f32 or i32 */
export type CopyInputs = { readonly x: Tensor }

/** y [..., W], contiguous */
export type CopyOutputs = { readonly y: Tensor }
