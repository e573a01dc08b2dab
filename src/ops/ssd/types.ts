import type { Tensor } from '../../tensor/tensor.ts'

/**
 * x, z [B, L, H*P]; delta [B, L, H]; A, deltaBias [H]; B, C [B, L, G*N]; D [H] or [H*P]; initialState [B, H,
 * P, N]; reset i32 [B, L]: nonzero where a new sequence starts
 */
export type SsdInputs = {
  readonly x: Tensor
  readonly delta: Tensor
  readonly A: Tensor
  readonly B: Tensor
  readonly C: Tensor
  readonly D?: Tensor | undefined
  readonly z?: Tensor | undefined
  readonly deltaBias?: Tensor | undefined
  readonly initialState?: Tensor | undefined
  readonly reset?: Tensor | undefined
}

/** y [B, L, H*P]; finalState [B, H, P, N] */
export type SsdOutputs = { readonly y: Tensor; readonly finalState: Tensor }

/** Groups, how delta becomes a step, and the chunks. */
export type SsdParams = {
  /** Groups of heads that share B and C. */
  readonly groups: number
  readonly deltaSoftplus: boolean
  /** delta is clamped to this range, after softplus. Default: not at all. */
  readonly deltaLimit?: readonly [number, number] | undefined
  /**
   * Tokens that are worked on as one matrix; no result depends on it. Default: 32 on wasm; 64 (16 to 64) on
   * webgpu.
   */
  readonly chunkSize?: number | undefined
}
