import { ltiDense } from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { uniform } from '../initializers.ts'
import { valueOf, type Input } from '../input.ts'
import { Mixer, type SequenceOptions, type SequenceResult } from '../mixer.ts'
import { note } from '../observe.ts'
import { parameter, type Parameter } from '../parameter.ts'
import { slot, type Slots, type State } from '../states.ts'

/** Sizes of a linear state-space layer. */
export interface LinearSSMOptions {
  readonly input: number
  /** State size S. */
  readonly hidden: number
  readonly output: number
}

/**
 * The textbook state-space model, time-invariant and in discrete time: h ← A h + B x, y = C h + D x.
 * A starts uniform within 1/sqrt(hidden), as PyTorch's recurrent layers do: its spectral radius is about
 * 0.58, so it is stable.
 */
export class LinearSSM extends Mixer {
  readonly slots: Slots
  /** [S, S] */
  readonly A: Parameter
  /** [S, input] */
  readonly B: Parameter
  /** [output, S] */
  readonly C: Parameter
  /** [output, input] */
  readonly D: Parameter

  constructor({ input, hidden, output }: LinearSSMOptions) {
    super()
    this.A = parameter([hidden, hidden], { init: uniform(hidden ** -0.5) })
    this.B = parameter([hidden, input], { init: uniform(input ** -0.5), decay: true })
    this.C = parameter([output, hidden], { init: uniform(hidden ** -0.5), decay: true })
    this.D = parameter([output, input], { init: uniform(input ** -0.5), decay: true })
    this.slots = { ssm: slot([hidden]) }
  }

  sequence(x: Input, { state, reset }: SequenceOptions = {}): SequenceResult {
    const u = valueOf(x)
    const { y, finalState } = ltiDense({
      u,
      A: this.A.tensor,
      B: this.B.tensor,
      C: this.C.tensor,
      D: this.D.tensor,
      initialState: state?.ssm,
      reset,
    })
    note('ssm_input', u)
    note('ssm_output', y)
    note('h', finalState)
    return { y, state: { ssm: finalState } }
  }

  step(x: Input, state: State): Tensor {
    return this.stepAsSequence(x, state)
  }
}
