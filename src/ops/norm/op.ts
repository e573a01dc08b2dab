import { ConfigError } from '../../errors.ts'
import { expectShape } from '../../tensor/shape.ts'
import { apply } from '../apply.ts'
import { defineBackward, withBackward } from '../backward.ts'
import { defineOperation, type CallOf } from '../operation.ts'
import type { NormInputs, NormOutputs, NormParams } from './types.ts'

const forward = defineOperation<NormInputs, NormOutputs, NormParams>({
  name: 'norm',
  outputs({ x, residual, weight, bias, z }, { groupSize = x.width }) {
    if (residual) expectShape('norm: residual', residual.shape, x.shape)
    if (weight) expectShape('norm: weight', weight.shape, [x.width])
    if (bias) expectShape('norm: bias', bias.shape, [x.width])
    if (z) expectShape('norm: z', z.shape, x.shape)
    if (x.width % groupSize !== 0) {
      throw new ConfigError('groups do not fill the width', {
        where: 'norm: groupSize',
        expected: `a divisor of ${x.width}`,
        found: groupSize,
      })
    }
    return { y: { shape: x.shape }, sum: residual && { shape: x.shape } }
  },
  views: ['x', 'z'],
})

export const normBackwardOp = defineBackward(forward, {
  of: ['x', 'weight', 'bias', 'z'],
  needs: ['y'],
  optional: ['weight', 'bias'],
})
export type NormBackward = CallOf<typeof normBackwardOp>

export const normOp = withBackward(forward, normBackwardOp)

/** With a residual: backward reads the sum, so that x need not be kept. */
export const residualNormOp = defineOperation<NormInputs, NormOutputs, NormParams>({
  ...forward,
  name: 'residualNorm',
  saved: ['sum', 'weight', 'bias', 'z'],
  gradient(call) {
    const { y, sum } = call.grads
    if (!y) return { x: sum, residual: sum }
    const d = normBackwardOp.forward.gradient({ ...call, inputs: { ...call.inputs, x: call.outputs.sum! } })
    return { ...d, residual: d.x }
  },
})

/** How rows are normalised. */
export type RmsNormOptions = Omit<NormParams, 'center'>

/**
 * y = x / sqrt(mean(x²) + eps) * weight + bias over each group of channels (Zhang and Sennrich 2019). With z
 * it is gated, as in Mamba-2: norm(x silu(z)), or norm(x) silu(z) with `normBeforeGate`. With a residual, x +
 * residual is what is normalised, and given back as `sum`.
 */
export function rmsNorm(inputs: NormInputs, options: RmsNormOptions): NormOutputs {
  return apply(inputs.residual ? residualNormOp : normOp, inputs, { ...options, center: false })
}

/**
 * y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias (Ba et al. 2016). The residual is as in `rmsNorm`.
 */
export function layerNorm(inputs: Omit<NormInputs, 'z'>, { eps }: { readonly eps: number }): NormOutputs {
  return apply(inputs.residual ? residualNormOp : normOp, inputs, { eps, center: true })
}
