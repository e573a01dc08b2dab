import { defineBackward, withBackward } from '../../backward.ts'
import { defineOperation, type CallOf } from '../../operation.ts'
import { checkMode, checkSequence } from '../shapes.ts'
import type { LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams } from './types.ts'

const forward = defineOperation<LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams>({
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
})

export const ltiDiagonalBackwardOp = defineBackward(forward, {
  of: ['u', 'logDt', 'aRe', 'aIm', 'bRe', 'bIm', 'cRe', 'cIm', 'D', 'initialRe', 'initialIm'],
  reads: ['reset'],
})
export type LtiDiagonalBackward = CallOf<typeof ltiDiagonalBackwardOp>

/**
 * The recurrent form, for each channel c and mode n (Ā and B̄: see discretize.ts):
 *
 *   h[t] = Ā h[t-1] + B̄ u[t],  y[t] = scale Re(Σ_n C h[t]) + D u[t]
 */
export const ltiDiagonalOp = withBackward(forward, ltiDiagonalBackwardOp)
