import type { Tensor } from '../../tensor/tensor.ts'

/**
 * parameter, gradient, m, v [...]; hyper [8] = lr, beta1, beta2, eps, weightDecay, 1 - beta1^t, 1 - beta2^t,
 * unused; gradientScale [1]
 */
export type AdamWStepInputs = {
  readonly parameter: Tensor
  readonly gradient: Tensor
  readonly m: Tensor
  readonly v: Tensor
  readonly hyper: Tensor
  readonly gradientScale?: Tensor | undefined
}

/** x [...] */
export type SumOfSquaresInputs = { readonly x: Tensor }

/** squares [1] */
export type SumOfSquaresOutputs = { readonly squares: Tensor }

/** squares [n]: the sum of squares of each tensor */
export type ClipFactorInputs = { readonly squares: Tensor }

/** norm [1]; factor [1] */
export type ClipFactorOutputs = { readonly norm: Tensor; readonly factor: Tensor }

/** maxNorm: 0 for no limit */
export type ClipFactorParams = { readonly maxNorm: number }
