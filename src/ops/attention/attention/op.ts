import { ShapeError } from '../../../errors.ts'
import { expectRank, expectShape, showShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineBackward, withBackward } from '../../backward.ts'
import { defineOperation, type CallOf } from '../../operation.ts'
import { sizesOf } from './sizes.ts'
import type { AttentionInputs, AttentionOutputs, AttentionParams } from './types.ts'

const forward = defineOperation<AttentionInputs, AttentionOutputs, AttentionParams>({
  name: 'attention',
  dtypes: { past: 'i32', reset: 'i32' },
  outputs(inputs, params) {
    checkShapes(inputs, params)
    const { B, L } = sizesOf(inputs, params)
    return { y: { shape: inputs.q.shape }, lse: { shape: [B, L, params.heads] } }
  },
  views: ['q', 'k', 'v'],
})

export const attentionBackwardOp = defineBackward(forward, {
  of: ['q', 'k', 'v'],
  reads: ['past', 'reset', 'y', 'lse'],
  needs: ['y'],
})
export type AttentionBackward = CallOf<typeof attentionBackwardOp>

export const attentionOp = withBackward(forward, attentionBackwardOp)

/**
 * Causal attention: y_i = sum_j softmax_j(scale q_i · k_j) v_j over the keys j <= past + i of the same
 * sequence. Query head h reads key head floor(h Hkv / H). Tiles of the score matrix are made and dropped
 * again, forward and backward: memory grows with length, never with its square (Dao et al., FlashAttention,
 * arXiv 2205.14135).
 */
export function attention(
  inputs: AttentionInputs,
  options: { readonly heads: number; readonly kvHeads: number; readonly scale?: number },
): Tensor {
  const { heads, kvHeads, scale = 1 / Math.sqrt(inputs.q.width / heads) } = options
  return apply(attentionOp, inputs, { heads, kvHeads, scale }).y
}

function checkShapes({ q, k, v, past, reset }: AttentionInputs, params: AttentionParams): void {
  const { heads, kvHeads } = params
  expectRank('attention: q', q.shape, 3)
  expectRank('attention: k', k.shape, 3)
  const { B, L, S, P } = sizesOf({ q, k }, params)
  if (!Number.isInteger(P) || heads % kvHeads !== 0) {
    throw new ShapeError('the heads do not divide the width, or the key heads the heads', {
      where: 'attention',
      found: `q ${showShape(q.shape)}, heads ${heads}, kvHeads ${kvHeads}`,
    })
  }
  expectShape('attention: k', k.shape, [B, S, kvHeads * P])
  expectShape('attention: v', v.shape, k.shape)
  if (past) expectShape('attention: past', past.shape, [B])
  else if (S < L) {
    throw new ShapeError('there are fewer keys than queries', {
      where: 'attention',
      expected: `at least ${L}`,
      found: S,
    })
  }
  if (reset) expectShape('attention: reset', reset.shape, [B, L])
}
