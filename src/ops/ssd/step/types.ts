import type { Tensor } from '../../../tensor/tensor.ts'
import type { SsdParams } from '../types.ts'

/** state [B, H, P, N]; x, z [B, H*P]; delta [B, H]; A, deltaBias [H]; B, C [B, G*N]; D [H] or [H*P] */
export type SsdStateUpdateInputs = {
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

/** y [B, H*P]; nextState [B, H, P, N], absent when the state is changed in place */
export type SsdStateUpdateOutputs = { readonly y: Tensor; readonly nextState?: Tensor | undefined }

/** Groups, and how delta becomes a step. */
export type SsdStateUpdateParams = Omit<SsdParams, 'chunkSize'>
