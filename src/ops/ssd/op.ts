import { apply } from '../apply.ts'
import { defineBackward, withBackward } from '../backward.ts'
import { defineOperation, type CallOf } from '../operation.ts'
import { checkShapes } from './shapes.ts'
import type { SsdInputs, SsdOutputs, SsdParams } from './types.ts'

const forward = defineOperation<SsdInputs, SsdOutputs, SsdParams>({
  name: 'ssd',
  dtypes: { reset: 'i32' },
  outputs(inputs, params) {
    checkShapes(inputs, params)
    const { x, A, B } = inputs
    const heads = A.width
    return {
      y: { shape: x.shape },
      finalState: { shape: [x.shape[0], heads, x.width / heads, B.width / params.groups] },
    }
  },
  views: ['x', 'delta', 'B', 'C', 'z'],
})

export const ssdBackwardOp = defineBackward(forward, {
  of: ['x', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias', 'initialState'],
  reads: ['reset'],
  needs: ['y'],
})
export type SsdBackward = CallOf<typeof ssdBackwardOp>

export const ssdOp = withBackward(forward, ssdBackwardOp)

/**
 * The state-space duality layer of Mamba-2 (Dao and Gu 2024): for each head, with s = clamp(softplus(delta +
 * deltaBias)),
 *
 *     h[t] = exp(s[t] A) h[t-1] + s[t] x[t] ⊗ B[t]
 *     y[t] = (h[t] C[t] + D x[t]) silu(z[t])
 *
 * Computed in chunks of Q tokens (section 6 there): a quadratic form within a chunk, and one state [P, N]
 * from chunk to chunk. Decays are products of exp(s A) <= 1, never ratios: they cannot overflow. Memory
 * beside inputs and outputs is Q/H numbers a token and head (C Bᵀ), and on WebGPU N P / Q more (the states at
 * chunk edges). Backward keeps nothing of forward; it recomputes those states, and holds as much again for
 * their gradients.
 */
export function ssd(inputs: SsdInputs, params: SsdParams): SsdOutputs {
  return apply(ssdOp, inputs, params)
}
