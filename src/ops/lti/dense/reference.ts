import { dims } from '../../../tensor/shape.ts'
import type { Arrays } from '../../operation.ts'
import type { LtiDenseStatesBackward } from './op.ts'
import type { LtiDenseStatesInputs, LtiDenseStatesOutputs } from './types.ts'

export function ltiDenseStates(
  { v, A, initialState, reset }: Arrays<LtiDenseStatesInputs>,
  { h, finalState }: Arrays<LtiDenseStatesOutputs>,
): void {
  const [batch, L, S] = dims(v, 3)
  for (let b = 0; b < batch; b++) {
    let state = initialState?.data.slice(b * S, (b + 1) * S) ?? new Float64Array(S)
    for (let t = 0; t < L; t++) {
      const row = (b * L + t) * S
      if (reset?.data[b * L + t]) state.fill(0)
      for (let i = 0; i < S; i++) {
        let sum = v.data[row + i]
        for (let j = 0; j < S; j++) sum += A.data[i * S + j] * state[j]
        h.data[row + i] = sum
      }
      state = h.data.slice(row, row + S)
    }
    finalState.data.set(state, b * S)
  }
}

/**
 * With λ[t] the gradient of h[t]: λ[t] = dh[t] + Aᵀ λ[t+1] (the second term only if t+1 is no reset; dFinal
 * at the end), dv = λ, dA = Σ λ[t] h[t-1]ᵀ, dInitial = Aᵀ λ[0].
 */
export function ltiDenseStatesBackward(
  { h, A, initialState, reset, dh, dFinalState }: Arrays<LtiDenseStatesBackward['inputs']>,
  { dv, dA, dInitialState }: Arrays<LtiDenseStatesBackward['outputs']>,
): void {
  const [batch, L, S] = dims(h, 3)
  for (let b = 0; b < batch; b++) {
    let carried = dFinalState?.data.slice(b * S, (b + 1) * S) ?? new Float64Array(S)
    for (let t = L - 1; t >= 0; t--) {
      const row = (b * L + t) * S
      for (let i = 0; i < S; i++) dv.data[row + i] = (dh?.data[row + i] ?? 0) + carried[i]
      carried = new Float64Array(S)
      if (reset?.data[b * L + t]) continue
      for (let i = 0; i < S; i++) {
        for (let j = 0; j < S; j++) {
          const before = t > 0 ? h.data[row - S + j] : (initialState?.data[b * S + j] ?? 0)
          dA.data[i * S + j] += dv.data[row + i] * before
          carried[j] += A.data[i * S + j] * dv.data[row + i]
        }
      }
    }
    dInitialState?.data.set(carried, b * S)
  }
}
