import type { Tensor } from '../tensor/tensor.ts'
import type { RMSNorm } from './norm.ts'

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

/** What a norm takes, before a layer that begins with a projection: both can be one launch. */
export interface Unnormed {
  readonly norm: RMSNorm
  readonly x: Tensor
  readonly residual: Tensor | undefined
}

/** A layer over sequences: x [B, L, input] to y [B, L, output]. */
export interface SequenceLayer {
  /** Processes a whole sequence, or the next piece of one. Differentiable. */
  sequence(x: Tensor, options?: SequenceOptions): SequenceResult
  /** Processes one position, x [B, input] to [B, output], and changes the state in place. */
  step(x: Tensor, state: State, past?: Tensor): Tensor
  /** As `step`, of the norm of x + residual; also that sum. Without it, the norm is a launch of its own. */
  stepOfNorm?(input: Unnormed, state: State): { readonly y: Tensor; readonly sum: Tensor }
  /** A state of zeros, outside any scope. `capacity` is the most positions an attention cache can hold. */
  createState(batch: number, capacity?: number): State
}
