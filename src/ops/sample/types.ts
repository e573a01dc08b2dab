import type { Tensor } from '../../tensor/tensor.ts'

/**
 * logits [B, V], rows any stride apart; uniform [B], in [0, 1); seen i32 [B, V], how often each token
 * occurred; settings [8] = temperature, topK, topP, minP, repetitionPenalty, three unused
 */
export type SampleInputs = {
  readonly logits: Tensor
  readonly uniform: Tensor
  readonly settings: Tensor
  readonly seen?: Tensor | undefined
}

/** tokens i32 [B] */
export type SampleOutputs = { readonly tokens: Tensor }
