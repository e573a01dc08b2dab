import type { Tensor } from '../../../tensor/tensor.ts'

/** state [B, E, N]; x, delta [B, E]; A [E, N]; B, C [B, G*N]; D, deltaBias [E]; z [B, E] */
export type SelectiveStateUpdateInputs = {
  readonly state: Tensor
  readonly x: Tensor
  readonly delta: Tensor
  readonly A: Tensor
  readonly B: Tensor
  readonly C: Tensor
  readonly D?: Tensor | undefined
  readonly z?: Tensor | undefined
  readonly deltaBias?: Tensor | undefined
}

/** y [B, E]; nextState [B, E, N], absent when the state is changed in place */
export type SelectiveStateUpdateOutputs = { readonly y: Tensor; readonly nextState?: Tensor | undefined }

/** Whether delta goes through softplus. */
export type SelectiveStateUpdateParams = { readonly deltaSoftplus?: boolean | undefined }

/**
 * Whether A comes as it is trained, A_log: it is then -exp(A_log). Kernels save two launches a layer and
 * token by it.
 */
export type DecayParams = { readonly logDecay?: boolean | undefined }

/** Only a step in place, which has no gradients, takes A as a logarithm. */
export type StepOptions<P> =
  | (P & { readonly inPlace?: false | undefined })
  | (P & DecayParams & { readonly inPlace: true })
