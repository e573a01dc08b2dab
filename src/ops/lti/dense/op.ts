import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { add } from '../../elementwise/op.ts'
import { linear } from '../../matmul/op.ts'
import { defineOperation } from '../../operation.ts'
import type {
  LtiDenseStatesInputs,
  LtiDenseStatesOutputs,
  LtiDenseStatesBackwardInputs,
  LtiDenseStatesBackwardOutputs,
  LtiDenseInputs,
} from './types.ts'

export const ltiDenseStatesBackwardOp = defineOperation<
  LtiDenseStatesBackwardInputs,
  LtiDenseStatesBackwardOutputs,
  object
>({
  name: 'ltiDenseStatesBackward',
  dtypes: { reset: 'i32' },
  outputs: ({ h, A, initialState }) => ({
    dv: { shape: h.shape },
    dA: { shape: A.shape },
    dInitialState: initialState && { shape: initialState.shape },
  }),
})

/** h[t] = A h[t-1] + v[t] */
export const ltiDenseStatesOp = defineOperation<LtiDenseStatesInputs, LtiDenseStatesOutputs, object>({
  name: 'ltiDenseStates',
  dtypes: { reset: 'i32' },
  outputs({ v, A, initialState, reset }) {
    expectRank('ltiDense: v', v.shape, 3)
    const [batch, length, stateSize] = v.shape as [number, number, number]
    expectShape('ltiDense: A', A.shape, [stateSize, stateSize])
    if (initialState) expectShape('ltiDense: initialState', initialState.shape, [batch, stateSize])
    if (reset) expectShape('ltiDense: reset', reset.shape, [batch, length])
    return { h: { shape: v.shape }, finalState: { shape: [batch, stateSize] } }
  },
  saved: ['h', 'A', 'initialState', 'reset'],
  gradient({ inputs: { A, initialState, reset }, outputs: { h }, grads }) {
    const d = apply(
      ltiDenseStatesBackwardOp,
      { h, A, initialState, reset, dh: grads.h, dFinalState: grads.finalState },
      {},
    )
    return { v: d.dv, A: d.dA, initialState: d.dInitialState }
  },
})

/**
 * The textbook block, already in discrete time: h[t] = A h[t-1] + B u[t], y[t] = C h[t] + D u[t].
 *
 * @returns y [B, L, O] and finalState [B, S]
 */
export function ltiDense({ u, A, B, C, D, initialState, reset }: LtiDenseInputs): {
  readonly y: Tensor
  readonly finalState: Tensor
} {
  const v = linear(u, B)
  const { h, finalState } = apply(ltiDenseStatesOp, { v, A, initialState, reset }, {})
  const y = linear(h, C)
  return { y: D ? add(y, linear(u, D)) : y, finalState }
}
