import { expect, test } from 'vitest'
import { testDevices } from '../../test/devices.ts'
import { relativeError } from '../../test/suites/compare.ts'
import { tensor } from '../tensor/tensor.ts'
import { attentionPattern } from './attention-pattern.ts'
import { randomNormal } from './random-normal.ts'

const [B, L, S, H, KV, P] = [2, 4, 11, 4, 2, 3]

/** softmax(q kᵀ / sqrt(P)) over the keys from `first(b, i)` up to `last(b, i)`. */
function softmax(
  q: ArrayLike<number>,
  k: ArrayLike<number>,
  first: (b: number, i: number) => number,
  last: (b: number, i: number) => number,
): number[] {
  const pattern: number[] = []
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      for (let i = 0; i < L; i++) {
        const weights = Array.from({ length: S }, (_, j) => {
          if (j < first(b, i) || j > last(b, i)) return 0
          let dot = 0
          for (let d = 0; d < P; d++) {
            dot += q[((b * L + i) * H + h) * P + d] * k[((b * S + j) * KV + Math.floor((h * KV) / H)) * P + d]
          }
          return Math.exp(dot / Math.sqrt(P))
        })
        const sum = weights.reduce((total, weight) => total + weight)
        pattern.push(...weights.map((weight) => weight / sum))
      }
    }
  }
  return pattern
}

testDevices(
  'the pattern of attention is the softmax of the scores',
  (device) => {
    for (const masked of ['past', 'reset'] as const) {
      test(`with ${masked}`, async () => {
        const q = randomNormal(device(), [B, L, H * P], 1)
        const k = randomNormal(device(), [B, S, KV * P], 2)
        const past = tensor(device(), Int32Array.of(2, 5))
        const reset = tensor(device(), Int32Array.of(0, 0, 0, 0, 0, 1, 0, 2), [B, L])
        const before = masked === 'past' ? [2, 5] : [S - L, S - L]
        const starts = [
          [0, 0, 0, 0],
          [0, S - L + 1, S - L + 1, S - L + 3],
        ]
        const mask = masked === 'past' ? { past } : { reset }
        const pattern = attentionPattern({ q, k, v: k, ...mask }, { heads: H, kvHeads: KV })
        expect(pattern.shape).toEqual([B, H, L, S])
        const first = (b: number, i: number): number => (masked === 'past' ? 0 : starts[b][i])
        const want = softmax(await q.read(), await k.read(), first, (b, i) => before[b] + i)
        expect(relativeError(await pattern.read(), want)).toBeLessThan(1e-6)
      })
    }
  },
  ['reference', 'wasm'],
)
