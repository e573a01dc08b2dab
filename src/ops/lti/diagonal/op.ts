import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineOperation } from '../../operation.ts'
import { checkMode, checkSequence } from '../shapes.ts'
import type {
  LtiDiagonalInputs,
  LtiDiagonalOutputs,
  LtiDiagonalParams,
  LtiDiagonalBackwardInputs,
  LtiDiagonalBackwardOutputs,
} from './types.ts'
import type { LtiParams } from '../types.ts'

const like = (x: Tensor | undefined) => x && { shape: x.shape }

export const ltiDiagonalBackwardOp = defineOperation<
  LtiDiagonalBackwardInputs,
  LtiDiagonalBackwardOutputs,
  LtiParams
>({
  name: 'ltiDiagonalBackward',
  dtypes: { reset: 'i32' },
  outputs: ({ u, logDt, aRe, aIm, bRe, bIm, cRe, cIm, D, initialRe, initialIm }) => ({
    du: { shape: u.shape },
    dLogDt: { shape: logDt.shape },
    dARe: { shape: aRe.shape },
    dAIm: like(aIm),
    dBRe: { shape: bRe.shape },
    dBIm: like(bIm),
    dCRe: { shape: cRe.shape },
    dCIm: like(cIm),
    dD: like(D),
    dInitialRe: like(initialRe),
    dInitialIm: like(initialIm),
  }),
})

/**
 * The recurrent form, for each channel c and mode n (Ā and B̄: see discretize.ts):
 *
 *   h[t] = Ā h[t-1] + B̄ u[t],  y[t] = scale Re(Σ_n C h[t]) + D u[t]
 */
export const ltiDiagonalOp = defineOperation<LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams>({
  name: 'ltiDiagonal',
  dtypes: { reset: 'i32' },
  outputs(inputs, { finalOnly }) {
    checkMode('ltiDiagonal', inputs)
    const { batch, channels, modes } = checkSequence('ltiDiagonal', inputs)
    const state = { shape: [batch, channels, modes] }
    return {
      y: finalOnly ? undefined : { shape: inputs.u.shape },
      finalRe: state,
      finalIm: inputs.aIm && state,
    }
  },
  saved: ['u', 'logDt', 'aRe', 'aIm', 'bRe', 'bIm', 'cRe', 'cIm', 'D', 'initialRe', 'initialIm', 'reset'],
  gradient({ inputs, grads, params }) {
    const { y: dy, finalRe: dFinalRe, finalIm: dFinalIm } = grads
    const d = apply(ltiDiagonalBackwardOp, { ...inputs, dy, dFinalRe, dFinalIm }, params)
    return {
      u: d.du,
      logDt: d.dLogDt,
      aRe: d.dARe,
      aIm: d.dAIm,
      bRe: d.dBRe,
      bIm: d.dBIm,
      cRe: d.dCRe,
      cIm: d.dCIm,
      D: d.dD,
      initialRe: d.dInitialRe,
      initialIm: d.dInitialIm,
    }
  },
})
