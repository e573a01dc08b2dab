import { dims, expectShape } from '../../../tensor/shape.ts'
import { apply } from '../../apply.ts'
import { copyInto } from '../../elementwise/op.ts'
import { asToken, reshape } from '../../layout/op.ts'
import { defineOperation, type KernelOperation } from '../../operation.ts'
import { selectiveScan } from '../op.ts'
import { decayOf } from './decay.ts'
import type { DecayParams, StepOptions } from './types.ts'
import type {
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from './types.ts'

function check(
  name: string,
  { state, x, delta, A, B, C, D, z, deltaBias }: SelectiveStateUpdateInputs,
): void {
  const [batch, inner, stateSize] = dims(state, 3, `${name}: state`)
  expectShape(`${name}: x`, x.shape, [batch, inner])
  expectShape(`${name}: delta`, delta.shape, [batch, inner])
  expectShape(`${name}: A`, A.shape, [inner, stateSize])
  // G groups of channels, each with its own N columns of B and C.
  const groups = inner % (B.width / stateSize) === 0 ? B.width / stateSize : 1
  expectShape(`${name}: B`, B.shape, [batch, groups * stateSize])
  expectShape(`${name}: C`, C.shape, [batch, groups * stateSize])
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
  /** The scan over one token. */
  compose({ state, x, delta, B, C, z, ...inputs }, params) {
    const tokens = { u: asToken(x), delta: asToken(delta), B: asToken(B), C: asToken(C), z: z && asToken(z) }
    const { y, finalState } = selectiveScan({ ...inputs, ...tokens, initialState: state }, params)
    return { y: reshape(y, x.shape), nextState: finalState }
  },
})

export const selectiveStateUpdateInPlaceOp: KernelOperation<
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams & DecayParams
> = defineOperation<
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
  compose(inputs, { logDecay, ...params }) {
    if (logDecay) return apply(selectiveStateUpdateInPlaceOp, { ...inputs, A: decayOf(inputs.A) }, params)
    const { y, nextState } = apply(selectiveStateUpdateOp, inputs, params)
    copyInto(inputs.state, nextState!)
    return { y }
  },
})

/**
 * One token of `selectiveScan`. With `inPlace`, the state becomes the next one (no gradients); otherwise the
 * next state is an output.
 */
export function selectiveStateUpdate(
  inputs: SelectiveStateUpdateInputs,
  options: StepOptions<SelectiveStateUpdateParams> = {},
): SelectiveStateUpdateOutputs {
  const { inPlace = false, ...params } = options
  return apply(inPlace ? selectiveStateUpdateInPlaceOp : selectiveStateUpdateOp, inputs, params)
}
