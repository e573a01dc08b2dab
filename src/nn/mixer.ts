import { copyInto, reshape } from '../ops/index.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { asSequence, valueOf, type Input } from './input.ts'
import { Module } from './module.ts'
import { createState, type Slots, type State } from './states.ts'

/** What a mixer is told besides its input. */
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

/** What a mixer gives for a sequence. */
export interface SequenceResult {
  /** [B, L, output] */
  readonly y: Tensor
  /**
   * What to continue from. The state given is unchanged, except by attention, whose cache is filled in place.
   */
  readonly state: State
}

/** A layer that mixes along sequences: x [B, L, input] to y [B, L, output]. */
export abstract class Mixer extends Module {
  /** What it remembers of a sequence. Empty for layers that remember nothing. */
  abstract readonly slots: Slots

  /** Processes a whole sequence, or the next piece of one. Differentiable. */
  abstract sequence(x: Input, options?: SequenceOptions): SequenceResult

  /** Processes one position, x [B, input] to [B, output], and changes the state in place. */
  abstract step(x: Input, state: State, past?: Tensor): Tensor

  /** A step as a sequence of one position, for layers without a faster one whose states do not grow. */
  protected stepAsSequence(x: Input, state: State): Tensor {
    const input = valueOf(x)
    const { y, state: next } = this.sequence(asSequence(input), { state })
    for (const [name, tensor] of Object.entries(state)) copyInto(tensor, next[name])
    return reshape(y, [input.shape[0], y.width])
  }

  /** x [B, L, input] to y [B, L, output]. */
  forward(x: Tensor): Tensor {
    return this.sequence(x).y
  }

  /** A state of zeros, outside any scope. `capacity` is the most positions an attention cache can hold. */
  createState(batch: number, capacity = 0): State {
    return createState(this.slots, this.device, batch, capacity)
  }
}
