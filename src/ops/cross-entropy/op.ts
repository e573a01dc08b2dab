import { ConfigError } from '../../errors.ts'
import { dims, expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineBackward } from '../backward.ts'
import { copyInto } from '../elementwise/op.ts'
import { defineOperation, type CallOf } from '../operation.ts'
import type { CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams } from './types.ts'

const forward = defineOperation<CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams>({
  name: 'crossEntropy',
  dtypes: { labels: 'i32' },
  outputs({ logits, labels }) {
    const [T] = dims(logits, 2, 'crossEntropy: logits')
    expectShape('crossEntropy: labels', labels.shape, [T])
    return { loss: { shape: [1] }, count: { shape: [1] }, logSumExp: { shape: [T] } }
  },
  views: ['logits'],
})

export const crossEntropyBackwardOp = defineBackward(forward, {
  of: ['logits'],
  reads: ['labels', 'logSumExp', 'count'],
})
export type CrossEntropyBackward = CallOf<typeof crossEntropyBackwardOp>

/** The gradient takes the place of the logits. */
export const crossEntropyBackwardInPlaceOp = defineOperation<
  CrossEntropyBackward['inputs'],
  object,
  CrossEntropyBackward['params']
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
export type CrossEntropyBackwardInPlace = CallOf<typeof crossEntropyBackwardInPlaceOp>

export const crossEntropyOp = defineOperation<CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams>({
  ...forward,
  saved: crossEntropyBackwardOp.forward.saved,
  gradient(call) {
    const { logits } = call.inputs
    if (!call.wants('logits')) return {}
    if (call.params.keepLogits || !logits.contiguous) return crossEntropyBackwardOp.forward.gradient(call)
    apply(crossEntropyBackwardInPlaceOp, crossEntropyBackwardOp.inputsOf(call), call.params)
    // A hold of its own: the logits' may have gone with the scope that made them.
    return { logits: logits.view() }
  },
})

/** Which rows count, and whether the logits survive backward. */
export interface CrossEntropyOptions {
  /** Rows with this label do not count. */
  readonly ignoreIndex?: number
  /** Leave the logits as they are in backward, at the price of the same memory again. */
  readonly keepLogits?: boolean
}

/**
 * Mean over the rows t that count of −log softmax(logits[t])[labels[t]] = logSumExp(logits[t]) − logits[t,
 * labels[t]], in nats. If no row counts, the loss and its gradient are 0.
 *
 * A label outside [0, V) makes the loss and the gradient of its row NaN, and so does NaN or +Infinity in a
 * row that counts; rows that do not count are not looked at.
 *
 * Backward writes the gradient over the logits, which are the largest tensor of training: what else reads
 * them must do so before, and must not have a backward that reads them again. `keepLogits` gives the gradient
 * its own memory.
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
