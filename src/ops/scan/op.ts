import { activeTape } from '../../autograd/tape.ts'
import { ShapeError } from '../../errors.ts'
import { expectRank, expectShape, showShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineBackward, withBackward } from '../backward.ts'
import { defineOperation, type CallOf } from '../operation.ts'
import { isConstant, scanSizes } from './sizes.ts'
import type { SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams } from './types.ts'

const forward = defineOperation<SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams>({
  name: 'selectiveScan',
  dtypes: { reset: 'i32' },
  outputs(inputs, { keepEdges }) {
    const { u, delta, A, B, C, D, z, deltaBias, initialState, reset } = inputs
    expectRank('selectiveScan: u', u.shape, 3)
    expectRank('selectiveScan: A', A.shape, 2)
    const { batch, length, inner, stateSize, groups, chunks } = scanSizes(inputs)
    expectShape('selectiveScan: delta', delta.shape, u.shape)
    expectShape('selectiveScan: A', A.shape, [inner, stateSize])
    for (const [name, x] of Object.entries({ B, C })) {
      const constant = x.shape.length === 2
      expectShape(
        `selectiveScan: ${name}`,
        x.shape,
        constant ? [inner, stateSize] : [batch, length, groups * stateSize],
      )
    }
    if (!Number.isInteger(groups) || inner % groups !== 0) {
      throw new ShapeError('groups of states do not divide the channels', {
        where: 'selectiveScan: B',
        expected: `[B, L, G * ${stateSize}] with G a divisor of ${inner}`,
        found: showShape((isConstant(B) ? C : B).shape),
      })
    }
    if (D) expectShape('selectiveScan: D', D.shape, [inner])
    if (z) expectShape('selectiveScan: z', z.shape, u.shape)
    if (deltaBias) expectShape('selectiveScan: deltaBias', deltaBias.shape, [inner])
    if (initialState)
      expectShape('selectiveScan: initialState', initialState.shape, [batch, inner, stateSize])
    if (reset) expectShape('selectiveScan: reset', reset.shape, [batch, length])
    return {
      y: { shape: u.shape },
      finalState: { shape: [batch, inner, stateSize] },
      edges: keepEdges ? { shape: [batch, chunks, stateSize, inner] } : undefined,
    }
  },
  views: ['B', 'C', 'z'],
})

export const selectiveScanBackwardOp = defineBackward(forward, {
  of: ['u', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias', 'initialState'],
  reads: ['reset', 'edges'],
})
export type SelectiveScanBackward = CallOf<typeof selectiveScanBackwardOp>

export const selectiveScanOp = withBackward(forward, selectiveScanBackwardOp)

/**
 * The selective scan of Mamba (Gu and Dao 2023, arXiv 2312.00752, algorithm 2), for channel e in group g:
 *
 *     dt[t, e]   = softplus(delta[t, e] + deltaBias[e])
 *     h[t, e, n] = exp(dt[t, e] A[e, n]) h[t-1, e, n] + dt[t, e] B[t, g, n] u[t, e]
 *     y[t, e]    = (sum over n of C[t, g, n] h[t, e, n] + D[e] u[t, e]) * silu(z[t, e])
 *
 * h starts from the initial state or zeros, and from zeros again at a reset. Memory grows with L E (1 + N /
 * CHUNK), never with L E N, in both directions.
 */
export function selectiveScan(
  inputs: SelectiveScanInputs,
  params: Pick<SelectiveScanParams, 'deltaSoftplus'> = {},
): Pick<SelectiveScanOutputs, 'y' | 'finalState'> {
  const tape = activeTape()
  const keepEdges = Object.values<Tensor | undefined>(inputs).some((x) => tape?.tracks(x))
  const { y, finalState, edges } = apply(selectiveScanOp, inputs, { ...params, keepEdges })
  // The tape holds it until backward.
  edges?.dispose()
  return { y, finalState }
}
