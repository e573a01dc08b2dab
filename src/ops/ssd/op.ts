import { apply } from '../apply.ts'
import { zeros } from '../elementwise/op.ts'
import { defineOperation } from '../operation.ts'
import { checkShapes } from './shapes.ts'
import type { SsdInputs, SsdOutputs, SsdParams, SsdBackwardInputs, SsdBackwardOutputs } from './types.ts'

export const ssdBackwardOp = defineOperation<SsdBackwardInputs, SsdBackwardOutputs, SsdParams>({
  name: 'ssdBackward',
  dtypes: { reset: 'i32' },
  outputs: ({ x, dt, A, B, C, D, z, dtBias, initialState }) => ({
    dx: { shape: x.shape },
    ddt: { shape: dt.shape },
    dA: { shape: A.shape },
    dB: { shape: B.shape },
    dC: { shape: C.shape },
    dD: D && { shape: D.shape },
    dz: z && { shape: z.shape },
    ddtBias: dtBias && { shape: dtBias.shape },
    dinitialState: initialState && { shape: initialState.shape },
  }),
  views: ['x', 'dt', 'B', 'C', 'z'],
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
  views: ['x', 'dt', 'B', 'C', 'z'],
  saved: ['x', 'dt', 'A', 'B', 'C', 'D', 'z', 'dtBias', 'initialState', 'reset'],
  gradient({ inputs, grads: { y: dy, finalState: dfinalState }, params }) {
    const { x } = inputs
    const d = apply(ssdBackwardOp, { ...inputs, dy: dy ?? zeros(x.device, x.shape), dfinalState }, params)
    return {
      x: d.dx,
      dt: d.ddt,
      A: d.dA,
      B: d.dB,
      C: d.dC,
      D: d.dD,
      z: d.dz,
      dtBias: d.ddtBias,
      initialState: d.dinitialState,
    }
  },
})

/**
 * The state-space duality layer of Mamba-2 (Dao and Gu 2024): for each head, with s = clamp(softplus(dt + dtBias)),
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
