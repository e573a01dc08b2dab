import { expectRank, expectShape } from '../../../tensor/shape.ts'
import { apply } from '../../apply.ts'
import { defineOperation, type KernelOperation } from '../../operation.ts'
import type { CacheAppendInputs } from './types.ts'

export const cacheAppendOp: KernelOperation<CacheAppendInputs, object, object> = defineOperation<
  CacheAppendInputs,
  object,
  object
>({
  name: 'cacheAppend',
  dtypes: { past: 'i32' },
  outputs({ cache, x, past }) {
    expectRank('cacheAppend: x', x.shape, 3)
    expectRank('cacheAppend: cache', cache.shape, 3)
    expectShape('cacheAppend: cache', cache.shape, [x.shape[0], cache.shape[1], x.width])
    expectShape('cacheAppend: past', past.shape, [x.shape[0]])
    return {}
  },
  views: ['x'],
  mutates: ['cache'],
})

/** cache[b, past[b] + i] = x[b, i], in place. Rows beyond the cache are dropped. */
export function cacheAppend(inputs: CacheAppendInputs): void {
  apply(cacheAppendOp, inputs, {})
}
