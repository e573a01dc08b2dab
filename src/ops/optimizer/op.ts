import { ConfigError } from '../../errors.ts'
import { expectRank, expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import type {
  AdamWStepInputs,
  SumOfSquaresInputs,
  SumOfSquaresOutputs,
  ClipFactorInputs,
  ClipFactorOutputs,
  ClipFactorParams,
} from './types.ts'

export const adamWStepOp = defineOperation<AdamWStepInputs, object, object>({
  name: 'adamWStep',
  outputs({ parameter, gradient, m, v, hyper, gradientScale }) {
    expectShape('adamWStep: gradient', gradient.shape, parameter.shape)
    expectShape('adamWStep: m', m.shape, parameter.shape)
    expectShape('adamWStep: v', v.shape, parameter.shape)
    expectShape('adamWStep: hyper', hyper.shape, [8])
    if (gradientScale) expectShape('adamWStep: gradientScale', gradientScale.shape, [1])
    return {}
  },
  mutates: ['parameter', 'm', 'v'],
})

export const sumOfSquaresOp = defineOperation<SumOfSquaresInputs, SumOfSquaresOutputs, object>({
  name: 'sumOfSquares',
  outputs: () => ({ squares: { shape: [1] } }),
})

export const clipFactorOp = defineOperation<ClipFactorInputs, ClipFactorOutputs, ClipFactorParams>({
  name: 'clipFactor',
  outputs({ squares }) {
    expectRank('clipFactor: squares', squares.shape, 1)
    return { norm: { shape: [1] }, factor: { shape: [1] } }
  },
})

/**
 * One step of AdamW (Loshchilov and Hutter 2019, algorithm 2, as torch.optim.AdamW), in place:
 *
 *     g = gradientScale gradient
 *     parameter -= lr weightDecay parameter
 *     m = beta1 m + (1 - beta1) g
 *     v = beta2 v + (1 - beta2) g²
 *     parameter -= lr (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + eps)
 *
 * What changes from step to step lies in `hyper`, so that a recorded step can be replayed. With a
 * `gradientScale` that is not finite, as `clipFactor` gives for such gradients, nothing changes.
 */
export function adamWStep(inputs: AdamWStepInputs): void {
  apply(adamWStepOp, inputs, {})
}

/** Σ x², as a tensor of one element. Not differentiable. */
export function sumOfSquares(inputs: SumOfSquaresInputs): Tensor {
  return apply(sumOfSquaresOp, inputs, {}).squares
}

/**
 * norm = sqrt(Σ squares) and what gradients are to be multiplied by, so that their common norm is at most
 * `maxNorm`: factor = min(1, maxNorm / (norm + 1e-6)), as torch.nn.utils.clip_grad_norm_. With a `maxNorm` of
 * 0 or Infinity the factor is 1.
 *
 * If the norm is not finite the factor is NaN in any case, and `adamWStep` changes nothing. With maxNorm /
 * Infinity = 0, the update could be taken for a good one.
 */
export function clipFactor(inputs: ClipFactorInputs, params: ClipFactorParams): ClipFactorOutputs {
  if (!(params.maxNorm >= 0)) {
    throw new ConfigError('out of range', { where: 'maxNorm', expected: '0 or more', found: params.maxNorm })
  }
  // What float32 cannot hold is no limit.
  return apply(clipFactorOp, inputs, {
    maxNorm: Number.isFinite(Math.fround(params.maxNorm)) ? params.maxNorm : 0,
  })
}
