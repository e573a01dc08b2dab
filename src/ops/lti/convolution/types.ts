import type { Tensor } from '../../../tensor/tensor.ts'

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
