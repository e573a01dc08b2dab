import { dims } from '../../../tensor/shape.ts'
import type { Arrays } from '../../operation.ts'
import type { AttentionBackward } from './op.ts'
import type { AttentionInputs, AttentionOutputs, AttentionParams } from './types.ts'

export function attention(
  inputs: Arrays<AttentionInputs>,
  { y, lse }: Arrays<AttentionOutputs>,
  params: AttentionParams,
): void {
  const { v } = inputs
  forEachQuery(inputs, params, ({ row, h, P, qAt, keyAt, first, last }) => {
    const scores = scoresOf(inputs, params, { qAt, keyAt, first, last, P })
    const largest = scores.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
    const sum = scores.reduce((total, score) => total + Math.exp(score - largest), 0)
    lse.data[row * params.heads + h] = largest + Math.log(sum)
    for (const [n, score] of scores.entries()) {
      const p = Math.exp(score - largest) / sum
      for (let d = 0; d < P; d++) y.data[qAt + d] += p * v.data[keyAt(first + n) + d]
    }
  })
}

/**
 * With p_ij = exp(s_ij - lse_i): dv_j = sum_i p_ij dy_i; ds_ij = p_ij (dy_i · v_j - dy_i · y_i + dlse_i);
 * dq_i = scale sum_j ds_ij k_j; dk_j = scale sum_i ds_ij q_i.
 */
export function attentionBackward(
  inputs: Arrays<AttentionBackward['inputs']>,
  { dq, dk, dv }: Arrays<AttentionBackward['outputs']>,
  params: AttentionParams,
): void {
  const { q, k, v, y, lse, dy, dLse } = inputs
  const { heads, scale } = params
  forEachQuery(inputs, params, ({ row, h, P, qAt, keyAt, first, last }) => {
    const scores = scoresOf(inputs, params, { qAt, keyAt, first, last, P })
    let delta = -(dLse?.data[row * heads + h] ?? 0)
    for (let d = 0; d < P; d++) delta += dy.data[qAt + d] * y.data[qAt + d]
    for (const [n, score] of scores.entries()) {
      const kAt = keyAt(first + n)
      const p = Math.exp(score - lse.data[row * heads + h])
      let dp = 0
      for (let d = 0; d < P; d++) dp += dy.data[qAt + d] * v.data[kAt + d]
      const ds = scale * p * (dp - delta)
      for (let d = 0; d < P; d++) {
        dv.data[kAt + d] += p * dy.data[qAt + d]
        dq.data[qAt + d] += ds * k.data[kAt + d]
        dk.data[kAt + d] += ds * q.data[qAt + d]
      }
    }
  })
}

/** One query of one head: where it is, and the keys from `first` to `last` that it sees. */
interface Query {
  /** b L + i */
  readonly row: number
  readonly h: number
  readonly P: number
  readonly qAt: number
  readonly keyAt: (j: number) => number
  readonly first: number
  readonly last: number
}

function forEachQuery(
  { q, k, past, reset }: Arrays<AttentionInputs>,
  { heads, kvHeads }: AttentionParams,
  body: (query: Query) => void,
): void {
  const [B, L, width] = dims(q, 3)
  const S = k.shape[1]
  const P = width / heads
  for (let b = 0; b < B; b++) {
    const before = past ? past.data[b] : S - L
    let first = 0
    for (let i = 0; i < L; i++) {
      if (reset?.data[b * L + i]) first = before + i
      const last = Math.min(before + i, S - 1)
      for (let h = 0; h < heads; h++) {
        const group = Math.floor((h * kvHeads) / heads)
        const keyAt = (j: number): number => ((b * S + j) * kvHeads + group) * P
        const row = b * L + i
        body({ row, h, P, qAt: (row * heads + h) * P, keyAt, first, last })
      }
    }
  }
}

function scoresOf(
  { q, k }: Pick<Arrays<AttentionInputs>, 'q' | 'k'>,
  { scale }: AttentionParams,
  { qAt, keyAt, first, last, P }: Omit<Query, 'row' | 'h'>,
): number[] {
  const scores: number[] = []
  for (let j = first; j <= last; j++) {
    let dot = 0
    for (let d = 0; d < P; d++) dot += q.data[qAt + d] * k.data[keyAt(j) + d]
    scores.push(scale * dot)
  }
  return scores
}
