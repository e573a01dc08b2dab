import type { Tensor } from '../../../tensor/tensor.ts'
import type { EitherParams } from '../../packed/types.ts'
import type { DecayParams } from '../step/types.ts'

/**
 * state [B, E, N]; x, z [B, E]; selected [B, R + 2N]: what delta is made of, B and C side by side; A [E, N];
 * D, deltaBias [E]; weight [E, R], or u32 words of a packed one
 */
export type SelectiveStepInputs = {
  readonly state: Tensor
  readonly x: Tensor
  readonly selected: Tensor
  readonly A: Tensor
  readonly D?: Tensor | undefined
  readonly z?: Tensor | undefined
  readonly weight: Tensor
  readonly deltaBias?: Tensor | undefined
}

/** y [B, E] */
export type SelectiveStepOutputs = { readonly y: Tensor }

export type SelectiveStepParams = EitherParams & DecayParams
