import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineOperation } from '../../operation.ts'
import { selectiveScanBackwardOp } from '../op.ts'
import { withDecay, type DecayParams, type StepOptions } from './decay.ts'
import { inPlaceReference, reference } from './reference.ts'
import type {
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from './types.ts'
import { wasm } from './wasm.ts'
import { webgpu } from './webgpu.ts'

function check(
  name: string,
  { state, x, delta, A, B, C, D, z, deltaBias }: SelectiveStateUpdateInputs,
): void {
  expectRank(`${name}: state`, state.shape, 3)
  const [batch, inner, states] = state.shape as [number, number, number]
  expectShape(`${name}: x`, x.shape, [batch, inner])
  expectShape(`${name}: delta`, delta.shape, [batch, inner])
  expectShape(`${name}: A`, A.shape, [inner, states])
  // G groups of channels, each with its own N columns of B and C.
  const groups = inner % (B.width / states) === 0 ? B.width / states : 1
  expectShape(`${name}: B`, B.shape, [batch, groups * states])
  expectShape(`${name}: C`, C.shape, [batch, groups * states])
  if (D) expectShape(`${name}: D`, D.shape, [inner])
  if (z) expectShape(`${name}: z`, z.shape, [batch, inner])
  if (deltaBias) expectShape(`${name}: deltaBias`, deltaBias.shape, [inner])
}

export const selectiveStateUpdateOp = defineOperation<
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams
>({
  name: 'selectiveStateUpdate',
  outputs(inputs) {
    check('selectiveStateUpdate', inputs)
    return { y: { shape: inputs.x.shape }, nextState: { shape: inputs.state.shape } }
  },
  views: ['B', 'C', 'z'],
  reference,
  webgpu,
  wasm,
  saved: ['state', 'x', 'delta', 'A', 'B', 'C', 'D', 'z', 'deltaBias'],
  /** The scan's, over one token. */
  gradient({ inputs: { state, x, delta, A, B, C, D, z, deltaBias }, grads, params }) {
    const d = apply(
      selectiveScanBackwardOp,
      {
        u: asToken(x),
        delta: asToken(delta),
        A,
        B: asToken(B),
        C: asToken(C),
        D,
        z: z && asToken(z),
        deltaBias,
        initialState: state,
        dy: grads.y && asToken(grads.y),
        dFinalState: grads.nextState,
      },
      params,
    )
    return {
      state: d.dInitialState,
      x: d.du.view(x.shape),
      delta: d.ddelta.view(delta.shape),
      A: d.dA,
      B: d.dB.view(B.shape),
      C: d.dC.view(C.shape),
      D: d.dD,
      z: z && d.dz?.view(z.shape),
      deltaBias: d.ddeltaBias,
    }
  },
})

export const selectiveStateUpdateInPlaceOp = defineOperation<
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams & DecayParams
>({
  name: 'selectiveStateUpdateInPlace',
  outputs(inputs) {
    check('selectiveStateUpdateInPlace', inputs)
    return { y: { shape: inputs.x.shape }, nextState: undefined }
  },
  views: ['B', 'C', 'z'],
  mutates: ['state'],
  reference: inPlaceReference,
  webgpu,
  wasm: withDecay(wasm),
})

/**
 * One token of `selectiveScan`. With `inPlace`, the state becomes the next one (no gradients); otherwise the next state
 * is an output.
 */
export function selectiveStateUpdate(
  inputs: SelectiveStateUpdateInputs,
  options: StepOptions<SelectiveStateUpdateParams> = {},
): SelectiveStateUpdateOutputs {
  const { inPlace = false, ...params } = options
  return apply(inPlace ? selectiveStateUpdateInPlaceOp : selectiveStateUpdateOp, inputs, params)
}

/** [B, W] as [B, 1, W]; rows may be any stride apart. */
function asToken(x: Tensor): Tensor {
  const [batch, width] = x.shape as [number, number]
  return x.view([batch, 1, width], x.offset, x.rowStride)
}
