import { expectShape } from '../../tensor/shape.ts'
import { empty } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { divide, fill, multiply, scale, subtract } from '../elementwise/op.ts'
import { reshape } from '../layout/op.ts'
import { defineOperation } from '../operation.ts'
import { sum } from '../reduce/op.ts'
import type { MeanSquaredErrorInputs, MeanSquaredErrorOutputs } from './types.ts'

/** Far below any count in f32, so that it changes none but 0. */
const TINY = 1e-30

export const meanSquaredErrorOp = defineOperation<MeanSquaredErrorInputs, MeanSquaredErrorOutputs, object>({
  name: 'meanSquaredError',
  outputs({ prediction, target, weight }) {
    expectShape('meanSquaredError: target', target.shape, prediction.shape)
    if (weight) expectShape('meanSquaredError: weight', weight.shape, prediction.shape.slice(0, -1))
    return { loss: { shape: [1] }, count: { shape: [1] } }
  },
  compose({ prediction, target, weight }) {
    const { device, rows, width } = prediction
    const difference = subtract(prediction, target)
    const squares = multiply(difference, difference)
    if (!weight) {
      const loss = scale(sum(squares), 1 / squares.size)
      return { loss: reshape(loss, [1]), count: fill(empty(device, [1]), rows) }
    }
    const weighted = multiply(reshape(squares, [rows, width]), reshape(weight, [rows, 1]))
    const count = reshape(sum(weight), [1])
    const loss = divide(reshape(sum(weighted), [1]), scale(count, width, TINY))
    return { loss, count }
  },
})

/**
 * The mean over rows, by their weights, of the mean of (prediction - target)² over columns. If no row counts,
 * the loss and its gradient are 0.
 */
export function meanSquaredError(inputs: MeanSquaredErrorInputs): MeanSquaredErrorOutputs {
  return apply(meanSquaredErrorOp, inputs, {})
}
