import { ConfigError } from '../../../errors.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineBackward, withBackward } from '../../backward.ts'
import { defineOperation, type CallOf } from '../../operation.ts'
import { checkMode } from '../shapes.ts'
import type { LtiMode } from '../types.ts'
import type { LtiKernelParams, LtiKernelOutputs } from './types.ts'

const forward = defineOperation<LtiMode, LtiKernelOutputs, LtiKernelParams>({
  name: 'ltiKernel',
  outputs(inputs, { length }) {
    checkMode('ltiKernel', inputs)
    if (!Number.isInteger(length) || length < 1) {
      throw new ConfigError('not a length', {
        where: 'ltiKernel: length',
        expected: 'an integer above 0',
        found: length,
      })
    }
    return { kernel: { shape: [inputs.aRe.shape[0], length] } }
  },
})

export const ltiKernelBackwardOp = defineBackward(forward, {
  of: ['logDt', 'aRe', 'aIm', 'bRe', 'bIm', 'cRe', 'cIm', 'D'],
  needs: ['kernel'],
})
export type LtiKernelBackward = CallOf<typeof ltiKernelBackwardOp>

export const ltiKernelOp = withBackward(forward, ltiKernelBackwardOp)

/**
 * The answer of a diagonal system to an impulse: kernel[c, l] = scale Re(Σ_n C B̄ Ā^l), plus D at l = 0, so
 * that y = kernel * u. Powers are exact to a few units in the last place up to length 2^24: see `turnsTimes`
 * in lti/webgpu/wgsl.ts.
 */
export function ltiKernel(inputs: LtiMode, params: LtiKernelParams): Tensor {
  return apply(ltiKernelOp, inputs, params).kernel
}
