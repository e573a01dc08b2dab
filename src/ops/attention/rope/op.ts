import { ShapeError } from '../../../errors.ts'
import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineOperation, type KernelOperation } from '../../operation.ts'
import type { RopeInputs, RopeOutputs, RopeParams } from './types.ts'

export const ropeOp: KernelOperation<RopeInputs, RopeOutputs, RopeParams> = defineOperation<
  RopeInputs,
  RopeOutputs,
  RopeParams
>({
  name: 'rope',
  dtypes: { past: 'i32' },
  outputs({ x, past }, { headDim, rotaryDim }) {
    expectRank('rope: x', x.shape, 3)
    if (past) expectShape('rope: past', past.shape, [x.shape[0]])
    if (x.width % headDim !== 0 || rotaryDim % 2 !== 0 || rotaryDim > headDim) {
      throw new ShapeError(
        'heads do not divide the width, or the rotated part is odd or larger than a head',
        {
          where: 'rope',
          found: `width ${x.width}, headDim ${headDim}, rotaryDim ${rotaryDim}`,
        },
      )
    }
    return { y: { shape: x.shape } }
  },
  views: ['x'],
  saved: ['past'],
  gradient: ({ inputs: { past }, grads, params }) => ({
    x: apply(ropeOp, { x: grads.y!, past }, { ...params, inverse: !params.inverse }).y,
  }),
})

/**
 * Rotary positions: in each head the pair (x_d, x_{d + R/2}) is rotated by the angle (past + i) theta^(-2d /
 * R) (Su et al., arXiv 2104.09864; pairs half a head apart, as in GPT-NeoX and Llama).
 */
export function rope(
  inputs: RopeInputs,
  options: { readonly headDim: number; readonly theta: number; readonly rotaryDim?: number },
): Tensor {
  const { headDim, theta, rotaryDim = headDim } = options
  return apply(ropeOp, inputs, { headDim, theta, rotaryDim, inverse: false }).y
}
