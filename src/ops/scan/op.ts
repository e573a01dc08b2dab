import { activeTape } from '../../autograd/tape.ts'
import { ShapeError } from '../../errors.ts'
import { expectRank, expectShape, showShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import { backwardReference, reference } from './reference.ts'
import { isConstant, scanSizes } from './sizes.ts'
import { wasm, wasmBackward } from './wasm/launch.ts'
import { webgpuBackward } from './webgpu/backward.ts'
import { webgpu } from './webgpu/forward.ts'

/**
 * u, delta [B, L, E]; A [E, N]; B, C [B, L, G*N] or constant [E, N]; D, deltaBias [E]; z [B, L, E];
 * initialState [B, E, N] (absent: zeros); reset i32 [B, L], nonzero where a new sequence starts
 */
export type SelectiveScanInputs = {
  readonly u: Tensor
  readonly delta: Tensor
  readonly A: Tensor
  readonly B: Tensor
  readonly C: Tensor
  readonly D?: Tensor | undefined
  readonly z?: Tensor | undefined
  readonly deltaBias?: Tensor | undefined
  readonly initialState?: Tensor | undefined
  readonly reset?: Tensor | undefined
}
/** y [B, L, E]; finalState [B, E, N]; edges [B, ceil(L / CHUNK), N, E], the states before each chunk */
export type SelectiveScanOutputs = {
  readonly y: Tensor
  readonly finalState: Tensor
  readonly edges?: Tensor | undefined
}
export type SelectiveScanParams = {
  /** dt = softplus(delta + deltaBias) rather than delta + deltaBias. */
  readonly deltaSoftplus?: boolean | undefined
  /** Give out the states at chunk edges, so that backward need not compute them again. */
  readonly keepEdges?: boolean | undefined
}

/** The inputs of the scan, its edges if they were kept, and gradients of its outputs: either may be missing. */
export type SelectiveScanBackwardInputs = SelectiveScanInputs & {
  readonly edges?: Tensor | undefined
  readonly dy?: Tensor | undefined
  readonly dFinalState?: Tensor | undefined
}
export type SelectiveScanBackwardOutputs = {
  readonly du: Tensor
  readonly ddelta: Tensor
  readonly dA: Tensor
  readonly dB: Tensor
  readonly dC: Tensor
  readonly dD?: Tensor | undefined
  readonly dz?: Tensor | undefined
  readonly ddeltaBias?: Tensor | undefined
  readonly dInitialState?: Tensor | undefined
}

export const selectiveScanBackwardOp = defineOperation<
  SelectiveScanBackwardInputs,
  SelectiveScanBackwardOutputs,
  SelectiveScanParams
>({
  name: 'selectiveScanBackward',
  dtypes: { reset: 'i32' },
  outputs: ({ u, delta, A, B, C, D, z, deltaBias, initialState }) => ({
    du: { shape: u.shape },
    ddelta: { shape: delta.shape },
    dA: { shape: A.shape },
    dB: { shape: B.shape },
    dC: { shape: C.shape },
    dD: D && { shape: D.shape },
    dz: z && { shape: z.shape },
    ddeltaBias: deltaBias && { shape: deltaBias.shape },
    dInitialState: initialState && { shape: initialState.shape },
  }),
  views: ['B', 'C', 'z'],
  reference: backwardReference,
  webgpu: webgpuBackward,
  wasm: wasmBackward,
})

export const selectiveScanOp = defineOperation<
  SelectiveScanInputs,
  SelectiveScanOutputs,
  SelectiveScanParams
>({
  name: 'selectiveScan',
  dtypes: { reset: 'i32' },
  outputs(inputs, { keepEdges }) {
    const { u, delta, A, B, C, D, z, deltaBias, initialState, reset } = inputs
    expectRank('selectiveScan: u', u.shape, 3)
    expectRank('selectiveScan: A', A.shape, 2)
    const { batch, length, inner, states, groups, chunks } = scanSizes(inputs)
    expectShape('selectiveScan: delta', delta.shape, u.shape)
    expectShape('selectiveScan: A', A.shape, [inner, states])
    for (const [name, x] of Object.entries({ B, C })) {
      const constant = x.shape.length === 2
      expectShape(
        `selectiveScan: ${name}`,
        x.shape,
        constant ? [inner, states] : [batch, length, groups * states],
      )
    }
    if (!Number.isInteger(groups) || inner % groups !== 0) {
      throw new ShapeError('groups of states do not divide the channels', {
        where: 'selectiveScan: B',
        expected: `[B, L, G * ${states}] with G a divisor of ${inner}`,
        found: showShape((isConstant(B) ? C : B).shape),
      })
    }
    if (D) expectShape('selectiveScan: D', D.shape, [inner])
    if (z) expectShape('selectiveScan: z', z.shape, u.shape)
    if (deltaBias) expectShape('selectiveScan: deltaBias', deltaBias.shape, [inner])
    if (initialState) expectShape('selectiveScan: initialState', initialState.shape, [batch, inner, states])
    if (reset) expectShape('selectiveScan: reset', reset.shape, [batch, length])
    return {
      y: { shape: u.shape },
      finalState: { shape: [batch, inner, states] },
      edges: keepEdges ? { shape: [batch, chunks, states, inner] } : undefined,
    }
  },
  views: ['B', 'C', 'z'],
  reference,
  webgpu,
  wasm,
  saved: ['u', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias', 'initialState', 'reset', 'edges'],
  gradient({ inputs, outputs, grads, params }) {
    const d = apply(
      selectiveScanBackwardOp,
      { ...inputs, edges: outputs.edges, dy: grads.y, dFinalState: grads.finalState },
      params,
    )
    return {
      u: d.du,
      delta: d.ddelta,
      A: d.dA,
      B: d.dB,
      C: d.dC,
      D: d.dD,
      z: d.dz,
      deltaBias: d.ddeltaBias,
      initialState: d.dInitialState,
    }
  },
})

/**
 * The selective scan of Mamba (Gu and Dao 2023, arXiv 2312.00752, algorithm 2), for channel e in group g:
 *
 *     dt[t, e]   = softplus(delta[t, e] + deltaBias[e])
 *     h[t, e, n] = exp(dt[t, e] A[e, n]) h[t-1, e, n] + dt[t, e] B[t, g, n] u[t, e]
 *     y[t, e]    = (sum over n of C[t, g, n] h[t, e, n] + D[e] u[t, e]) * silu(z[t, e])
 *
 * h starts from the initial state or zeros, and from zeros again at a reset. Memory grows with L E (1 + N / CHUNK),
 * never with L E N, in both directions.
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
