import { ConfigError } from '../../errors.ts'
import { expectRank, expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { copyInto } from '../elementwise/op.ts'
import { defineOperation, type GradientCall } from '../operation.ts'
import type {
  CrossEntropyInputs,
  CrossEntropyOutputs,
  CrossEntropyParams,
  CrossEntropyBackwardInputs,
  CrossEntropyBackwardOutputs,
  CrossEntropyBackwardParams,
} from './types.ts'

export const crossEntropyBackwardOp = defineOperation<
  CrossEntropyBackwardInputs,
  CrossEntropyBackwardOutputs,
  CrossEntropyBackwardParams
>({
  name: 'crossEntropyBackward',
  dtypes: { labels: 'i32' },
  outputs: ({ logits }) => ({ dLogits: { shape: logits.shape } }),
  views: ['logits'],
})

/** The gradient takes the place of the logits. */
export const crossEntropyBackwardInPlaceOp = defineOperation<
  CrossEntropyBackwardInputs,
  object,
  CrossEntropyBackwardParams
>({
  name: 'crossEntropyBackwardInPlace',
  dtypes: { labels: 'i32' },
  outputs: () => ({}),
  mutates: ['logits'],
  compose(inputs, params) {
    copyInto(inputs.logits, apply(crossEntropyBackwardOp, inputs, params).dLogits)
    return {}
  },
})

export const crossEntropyOp = defineOperation<CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams>({
  name: 'crossEntropy',
  dtypes: { labels: 'i32' },
  outputs({ logits, labels }) {
    expectRank('crossEntropy: logits', logits.shape, 2)
    const [T] = logits.shape as [number, number]
    expectShape('crossEntropy: labels', labels.shape, [T])
    return { loss: { shape: [1] }, count: { shape: [1] }, logSumExp: { shape: [T] } }
  },
  views: ['logits'],
  saved: ['logits', 'labels', 'logSumExp', 'count'],
  gradient: (call) => (call.wants('logits') ? { logits: gradient(call) } : {}),
})

function gradient(call: GradientCall<CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams>): Tensor {
  const { logits, labels } = call.inputs
  const { logSumExp, count } = call.outputs
  const { ignoreIndex, keepLogits } = call.params
  const inputs = {
    logits,
    labels,
    logSumExp,
    count,
    dLoss: call.grads.loss,
    dLogSumExp: call.grads.logSumExp,
  }
  if (keepLogits || !logits.contiguous) return apply(crossEntropyBackwardOp, inputs, { ignoreIndex }).dLogits
  apply(crossEntropyBackwardInPlaceOp, inputs, { ignoreIndex })
  // A hold of its own: the logits' may have gone with the scope that made them.
  return logits.view()
}

export interface CrossEntropyOptions {
  /** Rows with this label do not count. */
  readonly ignoreIndex?: number
  /** Leave the logits as they are in backward, at the price of the same memory again. */
  readonly keepLogits?: boolean
}

/**
 * Mean over the rows t that count of −log softmax(logits[t])[labels[t]] = logSumExp(logits[t]) − logits[t, labels[t]], in nats.
 * If no row counts, the loss and its gradient are 0. A label outside [0, V) counts as the nearest one, so that nothing outside
 * the logits is ever read.
 *
 * NaN or +Infinity in a row that counts makes the loss and the row's gradient NaN; rows that do not count are not looked at.
 *
 * Backward writes the gradient over the logits, which are the largest tensor of training: what else reads them must do so
 * before, and must not have a backward that reads them again. `keepLogits` gives the gradient its own memory.
 */
export function crossEntropy(
  inputs: CrossEntropyInputs,
  { ignoreIndex = -100, keepLogits = false }: CrossEntropyOptions = {},
): { readonly loss: Tensor; readonly count: Tensor } {
  if (!Number.isInteger(ignoreIndex) || ignoreIndex !== (ignoreIndex | 0)) {
    throw new ConfigError('not a 32-bit integer', { where: 'crossEntropy: ignoreIndex', found: ignoreIndex })
  }
  const { loss, count } = apply(crossEntropyOp, inputs, { ignoreIndex, keepLogits })
  return { loss, count }
}
