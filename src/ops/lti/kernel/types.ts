import type { Tensor } from '../../../tensor/tensor.ts'
import type { LtiMode, LtiModeGradients, LtiParams } from '../types.ts'

export interface LtiKernelParams extends LtiParams {
  readonly length: number
}

export interface LtiKernelOutputs {
  /** [C, L] */
  readonly kernel: Tensor
}

export interface LtiKernelBackwardInputs extends LtiMode {
  /** [C, L] */
  readonly dKernel: Tensor
}

export type LtiKernelBackwardOutputs = LtiModeGradients
