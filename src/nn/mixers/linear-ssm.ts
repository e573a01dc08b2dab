import { copyInto, ltiDense, reshape, zeros } from '../../ops/index.ts'
import { persistent } from '../../tensor/scope.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { uniform } from '../initializers.ts'
import type { SequenceLayer, SequenceOptions, SequenceResult, State } from '../module.ts'
import type { Parameters } from '../parameters.ts'

export interface LinearSSMOptions {
  readonly input: number
  /** State size S. */
  readonly hidden: number
  readonly output: number
}

/**
 * The textbook state-space model, time-invariant and in discrete time: h ← A h + B x, y = C h + D x.
 * A starts uniform within 1/sqrt(hidden), as PyTorch's recurrent layers do: its spectral radius is about 0.58, so it is stable.
 */
export class LinearSSM implements SequenceLayer {
  readonly #hidden: number
  readonly #device
  /** [S, S] */
  readonly A: Tensor
  /** [S, input] */
  readonly B: Tensor
  /** [output, S] */
  readonly C: Tensor
  /** [output, input] */
  readonly D: Tensor

  constructor({ input, hidden, output }: LinearSSMOptions, at: Parameters) {
    this.#hidden = hidden
    this.#device = at.device
    this.A = at.create('A', [hidden, hidden], uniform(hidden ** -0.5))
    this.B = at.create('B', [hidden, input], uniform(input ** -0.5), true)
    this.C = at.create('C', [output, hidden], uniform(hidden ** -0.5), true)
    this.D = at.create('D', [output, input], uniform(input ** -0.5), true)
  }

  /** x [B, L, input] to y [B, L, output]. */
  forward(x: Tensor): Tensor {
    return this.sequence(x).y
  }

  sequence(x: Tensor, { state, reset }: SequenceOptions = {}): SequenceResult {
    const { A, B, C, D } = this
    const { y, finalState } = ltiDense({ u: x, A, B, C, D, initialState: state?.ssm, reset })
    return { y, state: { ssm: finalState } }
  }

  step(x: Tensor, state: State): Tensor {
    const { y, state: next } = this.sequence(reshape(x, [x.shape[0], 1, x.width]), { state })
    copyInto(state.ssm, next.ssm)
    return reshape(y, [x.shape[0], y.width])
  }

  createState(batch: number): State {
    return persistent(() => ({ ssm: zeros(this.#device, [batch, this.#hidden]) }))
  }
}
