import type { Tensor } from '../../../tensor/tensor.ts'

/** A cache, and the rows that it gets. */
export type CacheAppendInputs = {
  /** [B, S, W], changed in place */
  readonly cache: Tensor
  /** [B, L, W], strided rows allowed */
  readonly x: Tensor
  /** i32 [B]: rows of the cache that are filled */
  readonly past: Tensor
}
