import type { Tensor } from '../../tensor/tensor.ts'
import type { Activation } from './kinds.ts'

/** x [...] */
export type ActivationInputs = { readonly x: Tensor }

/** y [...], the shape of x */
export type ActivationOutputs = { readonly y: Tensor }

export type ActivationParams = { readonly kind: Activation }
