import { apply } from '../apply.ts'
import { zeros } from '../elementwise/op.ts'
import { defineOperation } from '../operation.ts'
import { checkShapes } from './shapes.ts'
import type { SsdInputs, SsdOutputs, SsdParams, SsdBackwardInputs, SsdBackwardOutputs } from './types.ts'

export const ssdBackwardOp = defineOperation<SsdBackwardInputs, SsdBackwardOutputs, SsdParams>({
  name: 'ssdBackward',
  dtypes: { reset: 'i32' },
  outputs: ({ x, delta, A, B, C, D, z, deltaBias, initialState }) => ({
    dx: { shape: x.shape },
    dDelta: { shape: delta.shape },
    dA: { shape: A.shape },
    dB: { shape: B.shape },
    dC: { shape: C.shape },
    dD: D && { shape: D.shape },
    dz: z && { shape: z.shape },
    dDeltaBias: deltaBias && { shape: deltaBias.shape },
    dInitialState: initialState && { shape: initialState.shape },
  }),
  views: ['x', 'delta', 'B', 'C', 'z'],
})

export const ssdOp = defineOperation<SsdInputs, SsdOutputs, SsdParams>({
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
  saved: ['x', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias', 'initialState', 'reset'],
  gradient({ inputs, grads: { y: dy, finalState: dFinalState }, params }) {
    const { x } = inputs
    const d = apply(ssdBackwardOp, { ...inputs, dy: dy ?? zeros(x.device, x.shape), dFinalState }, params)
    return {
      x: d.dx,
      delta: d.dDelta,
      A: d.dA,
      B: d.dB,
      C: d.dC,
      D: d.dD,
      z: d.dz,
      deltaBias: d.dDeltaBias,
      initialState: d.dInitialState,
    }
  },
})

/**
 * The state-space duality layer of Mamba-2 (Dao and Gu 2024): for each head, with s = clamp(softplus(delta + deltaBias)),
 *
 *     h[t] = exp(s[t] A) h[t-1] + s[t] x[t] ⊗ B[t]
 *     y[t] = (h[t] C[t] + D x[t]) silu(z[t])
 *
 * Computed in chunks of Q tokens (section 6 there): a quadratic form within a chunk, and one state [P, N] from chunk to
 * chunk. Decays are products of exp(s A) <= 1, never ratios: they cannot overflow. Memory beside inputs and outputs is
 * Q/H numbers a token and head (C Bᵀ), and on WebGPU N P / Q more (the states at chunk edges). Backward keeps nothing of
 * forward; it recomputes those states, and holds as much again for their gradients.
 */
export function ssd(inputs: SsdInputs, params: SsdParams): SsdOutputs {
  return apply(ssdOp, inputs, params)
}
