import {
  activation,
  copyInto,
  exp,
  fill,
  ltiDiagonal,
  multiply,
  reshape,
  scale,
  sigmoid,
  split,
  zeros,
} from '../../ops/index.ts'
import { persistent } from '../../tensor/scope.ts'
import { empty, type Tensor } from '../../tensor/tensor.ts'
import { constant, logDelta, normal, ones, piN, residualFanIn } from '../initializers.ts'
import { Linear } from '../linear.ts'
import type { SequenceLayer, SequenceOptions, SequenceResult, State } from '../module.ts'
import type { Parameters } from '../parameters.ts'

export interface S4DOptions {
  readonly width: number
  /** Complex states a channel (half of the real state size: the other half are their conjugates). */
  readonly state?: number
  /** How to compute: by recurrence, by FFT convolution, or whichever suits the length. Both give the same numbers. */
  readonly form?: 'recurrence' | 'convolution'
  readonly branches?: number
}

/**
 * S4D (Gu et al. 2022): each channel is a diagonal linear time-invariant SSM with complex A, discretised by zero-order hold;
 * then GELU and a gated linear unit that mixes channels. A_n = -1/2 + i pi n (S4D-Lin), B = 1, C normal.
 */
export class S4D implements SequenceLayer {
  readonly #width: number
  readonly #state: number
  readonly #form: S4DOptions['form']
  readonly #device
  readonly logDt: Tensor
  readonly logARe: Tensor
  readonly aIm: Tensor
  readonly cRe: Tensor
  readonly cIm: Tensor
  readonly D: Tensor
  readonly outProj: Linear
  /** B = 1, not trained: it would only rescale C. */
  readonly #bRe: Tensor

  constructor({ width, state = 32, form, branches = 1 }: S4DOptions, at: Parameters) {
    this.#width = width
    this.#state = state
    this.#form = form
    this.#device = at.device
    this.logDt = at.create('log_dt', [width], logDelta())
    this.logARe = at.create('log_A_real', [width, state], constant(Math.log(0.5)))
    this.aIm = at.create('A_imag', [width, state], piN)
    this.cRe = at.create('C_real', [width, state], normal(Math.SQRT1_2))
    this.cIm = at.create('C_imag', [width, state], normal(Math.SQRT1_2))
    this.D = at.create('D', [width], ones)
    this.outProj = new Linear(at.at('out_proj'), {
      input: width,
      output: 2 * width,
      bias: true,
      weight: residualFanIn(width, branches),
    })
    this.#bRe = persistent(() => fill(empty(at.device, [width, state]), 1))
  }

  sequence(x: Tensor, { state, reset }: SequenceOptions = {}): SequenceResult {
    const { y, finalRe, finalIm } = ltiDiagonal(
      {
        u: x,
        logDt: this.logDt,
        aRe: scale(exp(this.logARe), -1),
        aIm: this.aIm,
        bRe: this.#bRe,
        cRe: this.cRe,
        cIm: this.cIm,
        D: this.D,
        initialRe: state?.re,
        initialIm: state?.im,
        reset,
      },
      { discretization: 'zoh', scale: 2, form: this.#form },
    )
    const [value, gate] = split(this.outProj.forward(activation(y, 'gelu')), [this.#width, this.#width])
    return { y: multiply(value, sigmoid(gate)), state: { re: finalRe, im: finalIm! } }
  }

  step(x: Tensor, state: State): Tensor {
    const { y, state: next } = this.sequence(reshape(x, [x.shape[0], 1, x.width]), { state })
    copyInto(state.re, next.re)
    copyInto(state.im, next.im)
    return reshape(y, x.shape)
  }

  createState(batch: number): State {
    const shape = [batch, this.#width, this.#state]
    return persistent(() => ({ re: zeros(this.#device, shape), im: zeros(this.#device, shape) }))
  }
}
