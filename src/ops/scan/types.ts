import type { Tensor } from '../../tensor/tensor.ts'

/**
 * u, delta [B, L, E]; A [E, N]; B, C [B, L, G*N] or constant [E, N]; D, deltaBias [E]; z [B, L, E];
 * initialState [B, E, N] (absent: zeros); reset i32 [B, L], nonzero where a new sequence starts
 */
export type SelectiveScanInputs = {
  readonly u: Tensor
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

/** y [B, L, E]; finalState [B, E, N]; edges [B, ceil(L / CHUNK), N, E], the states before each chunk */
export type SelectiveScanOutputs = {
  readonly y: Tensor
  readonly finalState: Tensor
  readonly edges?: Tensor | undefined
}

/** How delta becomes a step, and what is kept for backward. */
export type SelectiveScanParams = {
  /** dt = softplus(delta + deltaBias) rather than delta + deltaBias. */
  readonly deltaSoftplus?: boolean | undefined
  /** Give out the states at chunk edges, so that backward need not compute them again. */
  readonly keepEdges?: boolean | undefined
}
