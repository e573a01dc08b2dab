/**
 * A Transformer to compare with: causal attention with rotary positions, and gated MLPs (Touvron et al.
 * 2023).
 */
import * as v from 'valibot'
import { Attention } from '../../nn/mixers/attention.ts'
import { largestDivisor } from '../../nn/mixers/mamba2.ts'
import { count, defineArchitecture, layerKind, positive } from '../architecture.ts'
import { Block } from '../layer.ts'

const attentionKind = layerKind(
  v.strictObject({
    kind: v.literal('attention'),
    heads: count,
    kvHeads: count,
    /** Base of the rotary positions. Absent: 10000. */
    ropeTheta: v.optional(positive),
    /** Absent: width / heads. */
    headDim: v.optional(count),
    /** How much of each head is rotated by its position. Absent: all. */
    rotary: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(0), v.maxValue(2 ** 24))),
    /** Taps of a convolution over queries, keys and values. Absent: none. */
    kernel: v.optional(count),
    bias: v.optional(v.boolean()),
    outputBias: v.optional(v.boolean()),
    /** Hidden width of a gated MLP after the mixer. Absent: none. */
    mlp: v.optional(count),
  }),
  ({ mlp, ...layer }, context) => {
    const { width, branches } = context
    return new Block(new Attention({ ...layer, width, branches }), mlp, context)
  },
)

export type AttentionLayer = v.InferOutput<(typeof attentionKind)['schema']>

export const transformer = defineArchitecture({
  type: 'transformer',
  kinds: [attentionKind],
  layer({ width, heads: wanted, kvHeads, mlp }): AttentionLayer {
    const heads = wanted ?? largestDivisor(width / 2, Math.max(1, Math.floor(width / 32)))
    return {
      kind: 'attention',
      heads,
      kvHeads: kvHeads ?? heads,
      ropeTheta: 10000,
      // 8/3 of the width: as many weights as an MLP of 4 × width without gate (Shazeer 2020; Touvron et al.
      // 2023).
      mlp: mlp ?? Math.ceil((8 * width) / 24) * 8,
    }
  },
})
