import type { Tensor } from '../../../tensor/tensor.ts'

/** A signal and a kernel for each channel. */
export interface FftConvolutionInputs {
  /** [B, L, C] */
  readonly u: Tensor
  /** [C, L] */
  readonly kernel: Tensor
}

export interface FftConvolutionOutputs {
  /** [B, L, C] */
  readonly y: Tensor
}
