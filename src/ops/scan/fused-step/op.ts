import { dims, expectDType, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { split } from '../../layout/op.ts'
import { defineOperation } from '../../operation.ts'
import { eitherLinear, weightShape } from '../../packed/either.ts'
import { PackedMatrix } from '../../packed/matrix.ts'
import type { Weight } from '../../packed/weight.ts'
import { selectiveStateUpdate } from '../step/op.ts'
import type { DecayParams } from '../step/types.ts'
import type { SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams } from './types.ts'

export const selectiveStepOp = defineOperation<
  SelectiveStepInputs,
  SelectiveStepOutputs,
  SelectiveStepParams
>({
  name: 'selectiveStep',
  dtypes: { weight: ['f32', 'u32'] },
  outputs({ state, x, selected, A, D, z, weight, deltaBias }, params) {
    const [batch, inner, stateSize] = dims(state, 3, 'selectiveStep: state')
    const rank = selected.width - 2 * stateSize
    expectShape('selectiveStep: x', x.shape, [batch, inner])
    expectShape('selectiveStep: selected', selected.shape, [batch, Math.max(rank, 1) + 2 * stateSize])
    expectShape('selectiveStep: A', A.shape, [inner, stateSize])
    if (D) expectShape('selectiveStep: D', D.shape, [inner])
    if (z) expectShape('selectiveStep: z', z.shape, [batch, inner])
    if (deltaBias) expectShape('selectiveStep: deltaBias', deltaBias.shape, [inner])
    expectDType('selectiveStep: weight', weight.dtype, params.format ? 'u32' : 'f32')
    expectShape('selectiveStep: weight', weight.shape, weightShape({ ...params, rows: inner }, rank))
    return { y: { shape: x.shape } }
  },
  views: ['z'],
  mutates: ['state'],
  compose({ selected, weight, ...inputs }, { logDecay, ...params }) {
    const stateSize = inputs.state.shape[2]
    const rank = selected.width - 2 * stateSize
    const [low, B, C] = split(selected, [rank, stateSize, stateSize]) as [Tensor, Tensor, Tensor]
    const delta = eitherLinear(low, weight, undefined, params)
    const step = { ...inputs, delta, B, C }
    return { y: selectiveStateUpdate(step, { deltaSoftplus: true, inPlace: true, logDecay }).y }
  },
})

/**
 * `selectiveStateUpdate` in place, with the projection that makes delta: delta = softplus(selected[:, :R]
 * weightᵀ + deltaBias). One launch on WebGPU if there are few rows. For the steps of a decoder: there is no
 * gradient.
 */
export function selectiveStep(
  inputs: Omit<SelectiveStepInputs, 'weight'>,
  weight: Weight,
  { logDecay }: DecayParams,
): Tensor {
  const packed = weight instanceof PackedMatrix
  const params = { rows: weight.shape[0], format: packed ? weight.format : undefined, logDecay }
  return apply(selectiveStepOp, { ...inputs, weight: packed ? weight.words : weight }, params).y
}
