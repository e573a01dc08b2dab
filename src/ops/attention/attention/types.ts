import type { Tensor } from '../../../tensor/tensor.ts'

/** B batch, L queries, S keys, H heads of width P, of which H / Hkv share keys and values. */
export type AttentionInputs = {
  /** [B, L, H*P], strided rows allowed */
  readonly q: Tensor
  /** [B, S, Hkv*P], strided rows allowed */
  readonly k: Tensor
  readonly v: Tensor
  /** i32 [B]: keys that were there before these queries: query i is at position past + i. Default: S - L */
  readonly past?: Tensor | undefined
  /** i32 [B, L]: nonzero where a sequence starts, which does not see what was before */
  readonly reset?: Tensor | undefined
}

export type AttentionOutputs = {
  /** [B, L, H*P] */
  readonly y: Tensor
  /** [B, L, H]: log of the sum over keys of exp(score) */
  readonly lse: Tensor
}

export type AttentionParams = {
  readonly heads: number
  readonly kvHeads: number
  /** Of the scores. Default: 1 / sqrt(P) */
  readonly scale: number
}
