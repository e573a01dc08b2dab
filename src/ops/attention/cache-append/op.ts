import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineOperation, type KernelOperation } from '../../operation.ts'
import { cacheAppendReference } from '../rope/reference.ts'
import { wasmCacheAppend } from '../rope/wasm.ts'
import { webgpuCacheAppend } from '../rope/webgpu.ts'

export type CacheAppendInputs = {
  /** [B, S, W], changed in place */
  readonly cache: Tensor
  /** [B, L, W], strided rows allowed */
  readonly x: Tensor
  /** i32 [B]: rows of the cache that are filled */
  readonly past: Tensor
}

export const cacheAppendOp: KernelOperation<CacheAppendInputs, object, object> = defineOperation({
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
  reference: cacheAppendReference,
  webgpu: webgpuCacheAppend,
  wasm: wasmCacheAppend,
})

/** cache[b, past[b] + i] = x[b, i], in place. Rows beyond the cache are dropped. */
export function cacheAppend(inputs: CacheAppendInputs): void {
  apply(cacheAppendOp, inputs, {})
}
