import type { Tensor } from '../../tensor/tensor.ts'

/** What numbers can be cast to. */
export type FloatType = 'f32' | 'f16'
/** x [..., W], rows any stride apart */
export type CastInputs = { readonly x: Tensor }
/** y [..., W], contiguous */
export type CastOutputs = { readonly y: Tensor }
export type CastParams = { readonly dtype: FloatType }
