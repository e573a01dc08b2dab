import { wasmLaunch, type WasmLaunch } from '../../../../devices/wasm/launch.ts'
import { dims } from '../../../../tensor/shape.ts'
import type { Tensor } from '../../../../tensor/tensor.ts'
import type { Call } from '../../../operation.ts'
import { sizesOf } from '../sizes.ts'
import type { AttentionInputs, AttentionOutputs, AttentionParams } from '../types.ts'

/** Numbers that all kernels take. */
export function commonArgs({ q, k, v }: AttentionInputs, params: AttentionParams) {
  const { L, S, P } = sizesOf({ q, k }, params)
  return {
    length: L,
    keys: S,
    heads: params.heads,
    kvHeads: params.kvHeads,
    headDim: P,
    qStride: q.rowStride,
    kStride: k.rowStride,
    vStride: v.rowStride,
    scale: params.scale,
  }
}

/** The launch that fills `limits` [B, L, 2]. */
export function limitsLaunch({ q, k, past, reset }: AttentionInputs, limits: Tensor): WasmLaunch {
  const [B, length] = dims(q, 3)
  return wasmLaunch('attentionLimits', { past, reset, limits, length, keys: k.shape[1] }, B)
}

export function attention(call: Call<AttentionInputs, AttentionOutputs, AttentionParams>): WasmLaunch[] {
  const { inputs, outputs, params } = call
  const { q, k, v } = inputs
  const { B, L } = sizesOf(inputs, params)
  const limits = call.scratch([B, L, 2])
  return [
    limitsLaunch(inputs, limits),
    wasmLaunch(
      'attentionForward',
      { q, k, v, limits, y: outputs.y, lse: outputs.lse, ...commonArgs(inputs, params) },
      B * params.heads * L,
    ),
  ]
}
