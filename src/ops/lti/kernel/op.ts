import { ConfigError } from '../../../errors.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import type { LtiMode } from '../types.ts'
import { checkMode } from '../shapes.ts'
import { defineOperation } from '../../operation.ts'
import type {
  LtiKernelParams,
  LtiKernelOutputs,
  LtiKernelBackwardInputs,
  LtiKernelBackwardOutputs,
} from './types.ts'

const like = (x: Tensor | undefined) => x && { shape: x.shape }

export const ltiKernelBackwardOp = defineOperation<
  LtiKernelBackwardInputs,
  LtiKernelBackwardOutputs,
  LtiKernelParams
>({
  name: 'ltiKernelBackward',
  outputs: ({ logDt, aRe, aIm, bRe, bIm, cRe, cIm, D }) => ({
    dLogDt: { shape: logDt.shape },
    dARe: { shape: aRe.shape },
    dAIm: like(aIm),
    dBRe: { shape: bRe.shape },
    dBIm: like(bIm),
    dCRe: { shape: cRe.shape },
    dCIm: like(cIm),
    dD: like(D),
  }),
})

export const ltiKernelOp = defineOperation<LtiMode, LtiKernelOutputs, LtiKernelParams>({
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
  saved: ['logDt', 'aRe', 'aIm', 'bRe', 'bIm', 'cRe', 'cIm', 'D'],
  gradient({ inputs, grads, params }) {
    const d = apply(ltiKernelBackwardOp, { ...inputs, dKernel: grads.kernel! }, params)
    return {
      logDt: d.dLogDt,
      aRe: d.dARe,
      aIm: d.dAIm,
      bRe: d.dBRe,
      bIm: d.dBIm,
      cRe: d.dCRe,
      cIm: d.dCIm,
      D: d.dD,
    }
  },
})

/**
 * The answer of a diagonal system to an impulse: kernel[c, l] = scale Re(Σ_n C B̄ Ā^l), plus D at l = 0, so that
 * y = kernel * u. Powers are exact to a few units in the last place up to length 2^24: see webgpu.ts.
 */
export function ltiKernel(inputs: LtiMode, params: LtiKernelParams): Tensor {
  return apply(ltiKernelOp, inputs, params).kernel
}
