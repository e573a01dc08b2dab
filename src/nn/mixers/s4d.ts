import { activation, exp, ltiDiagonal, multiply, scale, sigmoid, split } from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { constant as always, logDelta, normal, ones, piN, residualFanIn } from '../initializers.ts'
import { valueOf, type Input } from '../input.ts'
import { Linear } from '../linear.ts'
import { Mixer, type SequenceOptions, type SequenceResult } from '../mixer.ts'
import { constant, type Constant } from '../module.ts'
import { note } from '../observe.ts'
import { parameter, type Parameter } from '../parameter.ts'
import { slot, type Slots, type State } from '../states.ts'

/** Sizes of an S4D layer. */
export interface S4DOptions {
  readonly width: number
  /** Complex states a channel (half of the real state size: the other half are their conjugates). */
  readonly stateSize?: number
  /**
   * How to compute: by recurrence, by FFT convolution, or whichever suits the length. Both give the same
   * numbers.
   */
  readonly form?: 'recurrence' | 'convolution'
  readonly branches?: number
}

/**
 * S4D (Gu et al. 2022): each channel is a diagonal linear time-invariant SSM with complex A, discretised by
 * zero-order hold; then GELU and a gated linear unit that mixes channels. A_n = -1/2 + i pi n (S4D-Lin), B =
 * 1, C normal.
 */
export class S4D extends Mixer {
  readonly #width: number
  readonly #form: S4DOptions['form']
  readonly slots: Slots
  readonly logDt: Parameter
  readonly logARe: Parameter
  readonly aIm: Parameter
  readonly cRe: Parameter
  readonly cIm: Parameter
  readonly D: Parameter
  readonly outProj: Linear
  /** B = 1, not trained: it would only rescale C. */
  readonly bRe: Constant

  constructor({ width, stateSize = 32, form, branches = 1 }: S4DOptions) {
    super()
    this.#width = width
    this.#form = form
    this.logDt = parameter([width], { init: logDelta() })
    this.logARe = parameter([width, stateSize], { name: 'log_A_real', init: always(Math.log(0.5)) })
    this.aIm = parameter([width, stateSize], { name: 'A_imag', init: piN })
    this.cRe = parameter([width, stateSize], { name: 'C_real', init: normal(Math.SQRT1_2) })
    this.cIm = parameter([width, stateSize], { name: 'C_imag', init: normal(Math.SQRT1_2) })
    this.D = parameter([width], { init: ones })
    this.outProj = new Linear({
      input: width,
      output: 2 * width,
      bias: true,
      weight: residualFanIn(width, branches),
    })
    this.bRe = constant([width, stateSize], ones)
    this.slots = { re: slot([width, stateSize]), im: slot([width, stateSize]) }
  }

  sequence(x: Input, { state, reset }: SequenceOptions = {}): SequenceResult {
    const u = valueOf(x)
    const aRe = scale(exp(this.logARe.tensor), -1)
    const { y, finalRe, finalIm } = ltiDiagonal(
      {
        u,
        logDt: this.logDt.tensor,
        aRe,
        aIm: this.aIm.tensor,
        bRe: this.bRe.tensor,
        cRe: this.cRe.tensor,
        cIm: this.cIm.tensor,
        D: this.D.tensor,
        initialRe: state?.re,
        initialIm: state?.im,
        reset,
      },
      { discretization: 'zoh', scale: 2, form: this.#form },
    )
    note('ssm_input', u)
    note('delta', () => exp(this.logDt.tensor))
    note('A_re', aRe)
    note('A_im', this.aIm.tensor)
    note('ssm_output', y)
    note('h_re', finalRe)
    note('h_im', finalIm!)
    const [value, z] = split(this.outProj.forward(activation(y, 'gelu')), [this.#width, this.#width])
    const gate = sigmoid(z)
    note('gate', gate)
    return { y: multiply(value, gate), state: { re: finalRe, im: finalIm! } }
  }

  step(x: Input, state: State): Tensor {
    return this.stepAsSequence(x, state)
  }
}
