import type { Tensor } from '../../tensor/tensor.ts'

/** x [..., W], rows any stride apart; of any dtype */
export type CopyInputs = { readonly x: Tensor }

/** y [..., W], contiguous */
export type CopyOutputs = { readonly y: Tensor }
