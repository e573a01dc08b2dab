import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import type { CacheAppendInputs } from './types.ts'

export function cacheAppend({ inputs }: Call<CacheAppendInputs, object, object>): WasmLaunch[] {
  const { cache, x, past } = inputs
  const args = {
    cache,
    x,
    past,
    length: x.shape[1],
    width: x.width,
    capacity: cache.shape[1],
    xStride: x.rowStride,
  }
  return [wasmLaunch('cacheAppendRows', args, x.rows)]
}
