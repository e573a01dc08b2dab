import type { Tensor } from '../tensor/tensor.ts'

/** What a layer remembers of a sequence, by name. Empty for layers that remember nothing. */
export type State = Readonly<Record<string, Tensor>>

export interface SequenceOptions {
  /** What came before. Absent: nothing. */
  readonly state?: State | undefined
  /** i32 [B, L]: nonzero where a new sequence starts. */
  readonly reset?: Tensor | undefined
  /**
   * i32 [B]: how many positions came before. Layers that know positions (attention) need it beside a state.
   */
  readonly past?: Tensor | undefined
}

export interface SequenceResult {
  /** [B, L, output] */
  readonly y: Tensor
  /** What to continue from. The state given is unchanged, except by attention, whose cache is filled in place. */
  readonly state: State
}

/** A layer over sequences: x [B, L, input] to y [B, L, output]. */
export interface SequenceLayer {
  /** Processes a whole sequence, or the next piece of one. Differentiable. */
  sequence(x: Tensor, options?: SequenceOptions): SequenceResult
  /** Processes one position, x [B, input] to [B, output], and changes the state in place. */
  step(x: Tensor, state: State, past?: Tensor): Tensor
  /** A state of zeros, outside any scope. `capacity` is the most positions an attention cache can hold. */
  createState(batch: number, capacity?: number): State
}
