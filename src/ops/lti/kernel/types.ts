import type { Tensor } from '../../../tensor/tensor.ts'
import type { LtiParams } from '../types.ts'

/** How the kernel of a convolution is made. */
export interface LtiKernelParams extends LtiParams {
  readonly length: number
}

export interface LtiKernelOutputs {
  /** [C, L] */
  readonly kernel: Tensor
}
