import { wasmLaunch, type WasmLaunch } from '../../../../devices/wasm/launch.ts'
import type { AttentionBackward } from '../op.ts'
import { sizesOf } from '../sizes.ts'
import { commonArgs, limitsLaunch } from './forward.ts'

export function attentionBackward(call: AttentionBackward): WasmLaunch[] {
  const { inputs, outputs, params } = call
  const { q, k, v, y, lse, dy, dLse } = inputs
  const { B, L, S, P } = sizesOf(inputs, params)
  const { heads, kvHeads } = params
  const limits = call.scratch([B, L, 2])
  const delta = call.scratch([B, L, heads])
  const common = { q, k, v, limits, lse, dy, delta, ...commonArgs(inputs, params) }
  return [
    limitsLaunch(inputs, limits),
    wasmLaunch('attentionDelta', { y, dy, dLse, delta, headDim: P }, B * L * heads),
    wasmLaunch('attentionBackwardQ', { ...common, dq: outputs.dq }, B * heads * L),
    wasmLaunch('attentionBackwardKV', { ...common, dk: outputs.dk, dv: outputs.dv }, B * kvHeads * S),
  ]
}
