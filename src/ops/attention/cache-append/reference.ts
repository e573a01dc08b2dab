import { dims } from '../../../tensor/shape.ts'
import type { Arrays } from '../../operation.ts'
import type { CacheAppendInputs } from './types.ts'

export function cacheAppend({ cache, x, past }: Arrays<CacheAppendInputs>): void {
  const [B, L, W] = dims(x, 3)
  const S = cache.shape[1]
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < L; i++) {
      const row = past.data[b] + i
      if (row >= S) continue
      for (let c = 0; c < W; c++) cache.data[(b * S + row) * W + c] = x.data[(b * L + i) * W + c]!
    }
  }
}
