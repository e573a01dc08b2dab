import type { Tensor } from '../../tensor/tensor.ts'

/** logits [T, V], rows any stride apart; labels i32 [T] */
export type CrossEntropyInputs = { readonly logits: Tensor; readonly labels: Tensor }

/** loss [1]; count [1], of labels that count; logSumExp [T], 0 where the label does not count */
export type CrossEntropyOutputs = {
  readonly loss: Tensor
  readonly count: Tensor
  readonly logSumExp: Tensor
}

export type CrossEntropyParams = {
  readonly ignoreIndex: number
  /** Whether backward leaves the logits as they are. */
  readonly keepLogits?: boolean | undefined
}
