import type { Tensor } from '../../tensor/tensor.ts'

/** logits [T, V], rows any stride apart; labels i32 [T] */
export type CrossEntropyInputs = { readonly logits: Tensor; readonly labels: Tensor }

/** loss [1]; count [1], of labels that count; logSumExp [T], 0 where the label does not count */
export type CrossEntropyOutputs = {
  readonly loss: Tensor
  readonly count: Tensor
  readonly logSumExp: Tensor
}

export type CrossEntropyParams = { readonly ignoreIndex: number; readonly keepLogits: boolean }

/** What the gradient is made from: dLoss [1]; dLogSumExp [T] */
export type CrossEntropyBackwardInputs = {
  readonly logits: Tensor
  readonly labels: Tensor
  readonly logSumExp: Tensor
  readonly count: Tensor
  readonly dLoss?: Tensor | undefined
  readonly dLogSumExp?: Tensor | undefined
}

/** dLogits [T, V] */
export type CrossEntropyBackwardOutputs = { readonly dLogits: Tensor }

export type CrossEntropyBackwardParams = { readonly ignoreIndex: number }
