/**
 * Mamba-2 with some layers of attention, as state-spaces publishes it (`mamba2attn`, Dao and Gu 2024, section
 * 9.2.3).
 */
import { defineArchitecture } from '../architecture.ts'
import { refuse } from '../layouts/state-spaces.ts'
import type { AttentionLayer } from './transformer.ts'

export const mamba2attn = defineArchitecture({
  type: 'mamba2attn',
  stateSpaces: {
    layer: 'attn_cfg',
    read(attention, width): AttentionLayer {
      const heads = attention.positive('num_heads')
      if (!attention.flag('causal', true)) refuse(attention, 'causal', 'true', false)
      if (attention.flag('rotary_emb_interleaved', false)) {
        refuse(attention, 'rotary_emb_interleaved', 'false', true)
      }
      for (const key of ['mlp_dim', 'softmax_scale']) {
        const value = attention.optional(key)
        if (value !== undefined && value !== 0) refuse(attention, key, 'none', value)
      }
      const taps = attention.whole('d_conv', 0)
      return {
        kind: 'attention',
        heads,
        kvHeads: attention.positive('num_heads_kv', heads),
        headDim: attention.positive('head_dim', width / heads),
        rotary: attention.whole('rotary_emb_dim', 0),
        ropeTheta: attention.number('rotary_emb_base', 10000),
        ...(taps > 0 && { kernel: taps }),
        bias: attention.flag('qkv_proj_bias', true),
        outputBias: attention.flag('out_proj_bias', true),
      }
    },
  },
})
