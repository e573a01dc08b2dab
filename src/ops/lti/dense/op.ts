import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { add } from '../../elementwise/op.ts'
import { linear } from '../../matmul/op.ts'
import { defineOperation } from '../../operation.ts'
import { backwardReference, reference } from './reference.ts'
import { wasm, wasmBackward } from './wasm.ts'
import { webgpu, webgpuBackward } from './webgpu.ts'

export interface LtiDenseStatesInputs {
  /** [B, L, S], the input as the state sees it: B x */
  readonly v: Tensor
  /** [S, S] */
  readonly A: Tensor
  /** [B, S] */
  readonly initialState?: Tensor | undefined
  /** i32 [B, L]: nonzero where the state is zeroed before the token */
  readonly reset?: Tensor | undefined
}

export interface LtiDenseStatesOutputs {
  /** [B, L, S], every state */
  readonly h: Tensor
  /** [B, S], the last one */
  readonly finalState: Tensor
}

export interface LtiDenseStatesBackwardInputs {
  readonly h: Tensor
  readonly A: Tensor
  readonly initialState?: Tensor | undefined
  readonly reset?: Tensor | undefined
  readonly dh?: Tensor | undefined
  readonly dFinalState?: Tensor | undefined
}

export interface LtiDenseStatesBackwardOutputs {
  readonly dv: Tensor
  readonly dA: Tensor
  readonly dInitialState?: Tensor | undefined
}

const ltiDenseStatesBackwardOp = defineOperation<
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
  reference: backwardReference,
  webgpu: webgpuBackward,
  wasm: wasmBackward,
})

/** h[t] = A h[t-1] + v[t] */
export const ltiDenseStatesOp = defineOperation<LtiDenseStatesInputs, LtiDenseStatesOutputs, object>({
  name: 'ltiDenseStates',
  dtypes: { reset: 'i32' },
  outputs({ v, A, initialState, reset }) {
    expectRank('ltiDense: v', v.shape, 3)
    const [batch, length, states] = v.shape as [number, number, number]
    expectShape('ltiDense: A', A.shape, [states, states])
    if (initialState) expectShape('ltiDense: initialState', initialState.shape, [batch, states])
    if (reset) expectShape('ltiDense: reset', reset.shape, [batch, length])
    return { h: { shape: v.shape }, finalState: { shape: [batch, states] } }
  },
  reference,
  webgpu,
  wasm,
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

export interface LtiDenseInputs {
  /** [B, L, I] */
  readonly u: Tensor
  /** [S, S] */
  readonly A: Tensor
  /** [S, I] */
  readonly B: Tensor
  /** [O, S] */
  readonly C: Tensor
  /** [O, I] */
  readonly D?: Tensor | undefined
  /** [B, S] */
  readonly initialState?: Tensor | undefined
  /** i32 [B, L]: nonzero where the state is zeroed before the token */
  readonly reset?: Tensor | undefined
}

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
