import { ConfigError } from '../../errors.ts'
import { expectShape } from '../../tensor/shape.ts'
import { apply } from '../apply.ts'
import { defineOperation, type KernelOperation } from '../operation.ts'
import type {
  NormInputs,
  NormOutputs,
  NormParams,
  NormBackwardInputs,
  NormBackwardOutputs,
  NormBackwardParams,
} from './types.ts'

export const normBackwardOp = defineOperation<NormBackwardInputs, NormBackwardOutputs, NormBackwardParams>({
  name: 'normBackward',
  outputs: ({ x, z }, { wantsWeight, wantsBias }) => ({
    dx: { shape: x.shape },
    dz: z && { shape: x.shape },
    dWeight: wantsWeight ? { shape: [x.width] } : undefined,
    dBias: wantsBias ? { shape: [x.width] } : undefined,
  }),
  views: ['x', 'z'],
})

const shared: Omit<KernelOperation<NormInputs, NormOutputs, NormParams>, 'name' | 'saved'> = {
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
  gradient({ inputs, outputs, grads: { y: dy, sum: dSum }, params, wants }) {
    const { weight, bias, z } = inputs
    if (!dy) return { x: dSum, residual: inputs.residual && dSum }
    const { dx, dz, dWeight, dBias } = apply(
      normBackwardOp,
      { x: outputs.sum ?? inputs.x, weight, bias, z, dy, dSum },
      { ...params, wantsWeight: wants('weight'), wantsBias: wants('bias') },
    )
    return { x: dx, residual: inputs.residual && dx, z: dz, weight: dWeight, bias: dBias }
  },
}

export const normOp = defineOperation<NormInputs, NormOutputs, NormParams>({
  name: 'norm',
  ...shared,
  saved: ['x', 'weight', 'bias', 'z'],
})

/** With a residual: backward reads the sum, so that x need not be kept. */
export const residualNormOp = defineOperation<NormInputs, NormOutputs, NormParams>({
  name: 'residualNorm',
  ...shared,
  saved: ['sum', 'weight', 'bias', 'z'],
})

export type RmsNormOptions = Omit<NormParams, 'center'>

/**
 * y = x / sqrt(mean(x²) + eps) * weight + bias over each group of channels (Zhang and Sennrich 2019). With z it is gated,
 * as in Mamba-2: norm(x silu(z)), or norm(x) silu(z) with `normBeforeGate`. With a residual, x + residual is what is
 * normalised, and given back as `sum`.
 */
export function rmsNorm(inputs: NormInputs, options: RmsNormOptions): NormOutputs {
  return apply(inputs.residual ? residualNormOp : normOp, inputs, { ...options, center: false })
}

/** y = (x - mean(x)) / sqrt(var(x) + eps) * weight + bias (Ba et al. 2016). The residual is as in `rmsNorm`. */
export function layerNorm(inputs: Omit<NormInputs, 'z'>, { eps }: { readonly eps: number }): NormOutputs {
  return apply(inputs.residual ? residualNormOp : normOp, inputs, { eps, center: true })
}
