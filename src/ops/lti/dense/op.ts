import { dims, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineBackward, withBackward } from '../../backward.ts'
import { add } from '../../elementwise/op.ts'
import { linear } from '../../matmul/op.ts'
import { defineOperation, type CallOf } from '../../operation.ts'
import type { LtiDenseStatesInputs, LtiDenseStatesOutputs, LtiDenseInputs } from './types.ts'

const forward = defineOperation<LtiDenseStatesInputs, LtiDenseStatesOutputs, object>({
  name: 'ltiDenseStates',
  dtypes: { reset: 'i32' },
  outputs({ v, A, initialState, reset }) {
    const [batch, length, stateSize] = dims(v, 3, 'ltiDense: v')
    expectShape('ltiDense: A', A.shape, [stateSize, stateSize])
    if (initialState) expectShape('ltiDense: initialState', initialState.shape, [batch, stateSize])
    if (reset) expectShape('ltiDense: reset', reset.shape, [batch, length])
    return { h: { shape: v.shape }, finalState: { shape: [batch, stateSize] } }
  },
})

export const ltiDenseStatesBackwardOp = defineBackward(forward, {
  of: ['v', 'A', 'initialState'],
  reads: ['reset', 'h'],
  like: { v: 'h' },
})
export type LtiDenseStatesBackward = CallOf<typeof ltiDenseStatesBackwardOp>

/** h[t] = A h[t-1] + v[t] */
export const ltiDenseStatesOp = withBackward(forward, ltiDenseStatesBackwardOp)

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
