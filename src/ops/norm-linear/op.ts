import { ShapeError } from '../../errors.ts'
import { expectDType, expectRank, expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { rmsNorm } from '../norm/op.ts'
import { defineOperation } from '../operation.ts'
import { eitherLinear, weightShape } from '../packed/either.ts'
import { PackedMatrix } from '../packed/matrix.ts'
import type { Weight } from '../packed/weight.ts'
import type { NormLinearInputs, NormLinearOutputs, NormLinearParams } from './types.ts'

export const normLinearOp = defineOperation<NormLinearInputs, NormLinearOutputs, NormLinearParams>({
  name: 'normLinear',
  dtypes: { weight: ['f32', 'u32'] },
  outputs({ x, residual, z, scale, weight, bias }, { rows, format }) {
    expectRank('normLinear: x', x.shape, 2)
    if (residual && z) {
      throw new ShapeError('there is a residual or a gate, not both', { where: 'normLinear', found: 'both' })
    }
    if (residual) expectShape('normLinear: residual', residual.shape, x.shape)
    if (z) expectShape('normLinear: z', z.shape, x.shape)
    if (scale) expectShape('normLinear: scale', scale.shape, [x.width])
    if (bias) expectShape('normLinear: bias', bias.shape, [rows])
    expectDType('normLinear: weight', weight.dtype, format ? 'u32' : 'f32')
    expectShape('normLinear: weight', weight.shape, weightShape({ rows, format }, x.width))
    return { y: { shape: [x.shape[0], rows] }, sum: residual && { shape: x.shape } }
  },
  views: ['x', 'z'],
  compose({ x, residual, z, scale, weight, bias }, { eps, ...params }) {
    const { y: normed, sum } = rmsNorm({ x, residual, weight: scale, z }, { eps })
    return { y: eitherLinear(normed, weight, bias, params), sum }
  },
})

/**
 * y = n weightᵀ + bias, where n is the RMS norm of x + residual, or of x silu(z), times scale (see
 * `rmsNorm`): one launch on WebGPU if there are few rows.
 */
export function normLinear(
  inputs: Omit<NormLinearInputs, 'weight' | 'bias'>,
  weight: Weight,
  bias: Tensor | undefined,
  { eps }: { readonly eps: number },
): NormLinearOutputs {
  const packed = weight instanceof PackedMatrix
  const params = { eps, rows: weight.shape[0], format: packed ? weight.format : undefined }
  return apply(normLinearOp, { ...inputs, weight: packed ? weight.words : weight, bias }, params)
}
