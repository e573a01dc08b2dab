import type { Tensor } from '../../tensor/tensor.ts'

/** prediction, target [..., W]; weight [...], how much each row counts, 0 or more (absent: 1) */
export type MeanSquaredErrorInputs = {
  readonly prediction: Tensor
  readonly target: Tensor
  readonly weight?: Tensor | undefined
}

/** loss [1]; count [1], the sum of the rows' weights */
export type MeanSquaredErrorOutputs = { readonly loss: Tensor; readonly count: Tensor }
