import { dims, expectShape } from '../../../tensor/shape.ts'
import { apply } from '../../apply.ts'
import { copyInto } from '../../elementwise/op.ts'
import { asToken, reshape } from '../../layout/op.ts'
import { defineOperation, type KernelOperation } from '../../operation.ts'
import { decayOf } from '../../scan/step/decay.ts'
import type { DecayParams, StepOptions } from '../../scan/step/types.ts'
import { ssd } from '../op.ts'
import type { SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams } from './types.ts'

function check(
  name: string,
  { state, x, delta, A, B, C, D, z, deltaBias }: SsdStateUpdateInputs,
  { groups }: SsdStateUpdateParams,
): void {
  const [batch, heads, headDim, stateSize] = dims(state, 4, `${name}: state`)
  const inner = heads * headDim
  expectShape(`${name}: x`, x.shape, [batch, inner])
  expectShape(`${name}: delta`, delta.shape, [batch, heads])
  expectShape(`${name}: A`, A.shape, [heads])
  expectShape(`${name}: B`, B.shape, [batch, groups * stateSize])
  expectShape(`${name}: C`, C.shape, [batch, groups * stateSize])
  if (D) expectShape(`${name}: D`, D.shape, D.width === heads ? [heads] : [inner])
  if (z) expectShape(`${name}: z`, z.shape, [batch, inner])
  if (deltaBias) expectShape(`${name}: deltaBias`, deltaBias.shape, [heads])
}

export const ssdStateUpdateOp = defineOperation<
  SsdStateUpdateInputs,
  SsdStateUpdateOutputs,
  SsdStateUpdateParams
>({
  name: 'ssdStateUpdate',
  outputs(inputs, params) {
    check('ssdStateUpdate', inputs, params)
    return { y: { shape: inputs.x.shape }, nextState: { shape: inputs.state.shape } }
  },
  views: ['x', 'delta', 'B', 'C', 'z'],
  /** `ssd` over one token. */
  compose({ state, x, delta, B, C, z, ...inputs }, params) {
    const tokens = { x: asToken(x), delta: asToken(delta), B: asToken(B), C: asToken(C), z: z && asToken(z) }
    const { y, finalState } = ssd({ ...inputs, ...tokens, initialState: state }, params)
    return { y: reshape(y, x.shape), nextState: finalState }
  },
})

export const ssdStateUpdateInPlaceOp: KernelOperation<
  SsdStateUpdateInputs,
  SsdStateUpdateOutputs,
  SsdStateUpdateParams & DecayParams
> = defineOperation<SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams & DecayParams>({
  name: 'ssdStateUpdateInPlace',
  outputs(inputs, params) {
    check('ssdStateUpdateInPlace', inputs, params)
    return { y: { shape: inputs.x.shape }, nextState: undefined }
  },
  views: ['x', 'delta', 'B', 'C', 'z'],
  mutates: ['state'],
  compose(inputs, { logDecay, ...params }) {
    if (logDecay) return apply(ssdStateUpdateInPlaceOp, { ...inputs, A: decayOf(inputs.A) }, params)
    const { y, nextState } = apply(ssdStateUpdateOp, inputs, params)
    copyInto(inputs.state, nextState!)
    return { y }
  },
})

/**
 * One token of `ssd`. With `inPlace`, the state becomes the next one (no gradients); otherwise the next state
 * is an output.
 */
export function ssdStateUpdate(
  inputs: SsdStateUpdateInputs,
  options: StepOptions<SsdStateUpdateParams>,
): SsdStateUpdateOutputs {
  const { inPlace = false, ...params } = options
  return apply(inPlace ? ssdStateUpdateInPlaceOp : ssdStateUpdateOp, inputs, params)
}
