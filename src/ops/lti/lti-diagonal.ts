import { activeTape } from '../../autograd/tape.ts'
import { ShapeError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { add, zeros } from '../elementwise/op.ts'
import { fftConvolution } from './convolution/op.ts'
import { ltiDiagonalOp } from './diagonal/op.ts'
import type { LtiDiagonalInputs } from './diagonal/types.ts'
import { ltiKernel } from './kernel/op.ts'
import type { LtiParams } from './types.ts'

/** How the system is discretised and computed. */
export interface LtiDiagonalOptions extends LtiParams {
  /**
   * `recurrence` walks the states; `convolution` multiplies spectra. They give the same numbers. Default:
   * convolution from the length `choices.ltiConvolution` on (backward by FFT then saves more than the final
   * state costs) if gradients are recorded on a fast device, and there is neither initial state nor reset
   * mask.
   */
  readonly form?: 'recurrence' | 'convolution' | undefined
}

/** The output, and the state after it. */
export interface LtiDiagonalResult {
  /** [B, L, C] */
  readonly y: Tensor
  /** [B, C, N] */
  readonly finalRe: Tensor
  readonly finalIm?: Tensor | undefined
}

/**
 * A diagonal state-space layer (S4D): each channel c of u has N modes with step exp(logDt),
 *
 *   h[t] = Ā h[t-1] + B̄ u[t],  y[t] = scale Re(Σ_n C h[t]) + D u[t]
 *
 * discretised by `zoh` or `bilinear`. Real if `aIm` is absent. The convolution form has no reset mask, and
 * walks the states all the same for the final one and for what an initial one leads to.
 *
 * @throws ShapeError if shapes do not fit, or a reset mask meets the convolution form
 */
export function ltiDiagonal(inputs: LtiDiagonalInputs, options: LtiDiagonalOptions): LtiDiagonalResult {
  const { discretization, scale, form = defaultForm(inputs) } = options
  const params = { discretization, scale }
  if (form === 'recurrence') return apply(ltiDiagonalOp, inputs, params) as LtiDiagonalResult
  if (inputs.reset) {
    throw new ShapeError('the convolution form has no reset mask', {
      where: 'ltiDiagonal: reset',
      hint: "Use form 'recurrence'",
    })
  }
  const y = ltiConvolution(inputs, params)
  const { finalRe, finalIm } = apply(ltiDiagonalOp, inputs, { ...params, finalOnly: true })
  return { y: inputs.initialRe ? add(y, answerOfState(inputs, params)) : y, finalRe, finalIm }
}

/** y of `ltiDiagonal` from a zero state, as a convolution. */
function ltiConvolution({ u, ...mode }: LtiDiagonalInputs, params: LtiParams): Tensor {
  const { logDt, aRe, aIm, bRe, bIm, cRe, cIm, D } = mode
  const length = u.shape[1] ?? 0
  const kernel = ltiKernel({ logDt, aRe, aIm, bRe, bIm, cRe, cIm, D }, { ...params, length })
  return fftConvolution({ u, kernel })
}

/** y without input: what the initial state leads to. */
function answerOfState(inputs: LtiDiagonalInputs, params: LtiParams): Tensor {
  const { u } = inputs
  return apply(ltiDiagonalOp, { ...inputs, u: zeros(u.device, u.shape), D: undefined }, params).y!
}

function defaultForm({ u, initialRe, reset }: LtiDiagonalInputs): 'recurrence' | 'convolution' {
  if (initialRe || reset || u.device.name === 'reference' || !activeTape()) return 'recurrence'
  return (u.shape[1] ?? 0) >= u.device.choices.ltiConvolution ? 'convolution' : 'recurrence'
}
