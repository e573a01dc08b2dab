import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { zeros } from '../../elementwise/op.ts'
import { defineOperation } from '../../operation.ts'
import { ssdBackwardOp } from '../op.ts'
import { withDecay, type DecayParams, type StepOptions } from '../../scan/step/decay.ts'
import { inPlaceReference, reference } from './reference.ts'
import type { SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams } from './types.ts'
import { wasm } from './wasm.ts'
import { webgpu } from './webgpu.ts'

function check(
  name: string,
  { state, x, dt, A, B, C, D, z, dtBias }: SsdStateUpdateInputs,
  { groups }: SsdStateUpdateParams,
): void {
  expectRank(`${name}: state`, state.shape, 4)
  const [batch, heads, headWidth, states] = state.shape as [number, number, number, number]
  const inner = heads * headWidth
  expectShape(`${name}: x`, x.shape, [batch, inner])
  expectShape(`${name}: dt`, dt.shape, [batch, heads])
  expectShape(`${name}: A`, A.shape, [heads])
  expectShape(`${name}: B`, B.shape, [batch, groups * states])
  expectShape(`${name}: C`, C.shape, [batch, groups * states])
  if (D) expectShape(`${name}: D`, D.shape, D.width === heads ? [heads] : [inner])
  if (z) expectShape(`${name}: z`, z.shape, [batch, inner])
  if (dtBias) expectShape(`${name}: dtBias`, dtBias.shape, [heads])
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
  views: ['x', 'dt', 'B', 'C', 'z'],
  reference,
  webgpu,
  wasm,
  saved: ['state', 'x', 'dt', 'A', 'B', 'C', 'D', 'z', 'dtBias'],
  /** That of `ssd`, over one token. */
  gradient({ inputs: { state, x, dt, A, B, C, D, z, dtBias }, grads, params }) {
    const dy = grads.y ?? zeros(x.device, x.shape)
    const tokens = { x: asToken(x), dt: asToken(dt), B: asToken(B), C: asToken(C), z: z && asToken(z) }
    const d = apply(
      ssdBackwardOp,
      { ...tokens, A, D, dtBias, initialState: state, dy: asToken(dy), dfinalState: grads.nextState },
      params,
    )
    return {
      state: d.dinitialState,
      x: d.dx.view(x.shape),
      dt: d.ddt.view(dt.shape),
      A: d.dA,
      B: d.dB.view(B.shape),
      C: d.dC.view(C.shape),
      D: d.dD,
      z: z && d.dz?.view(z.shape),
      dtBias: d.ddtBias,
    }
  },
})

export const ssdStateUpdateInPlaceOp = defineOperation<
  SsdStateUpdateInputs,
  SsdStateUpdateOutputs,
  SsdStateUpdateParams & DecayParams
>({
  name: 'ssdStateUpdateInPlace',
  outputs(inputs, params) {
    check('ssdStateUpdateInPlace', inputs, params)
    return { y: { shape: inputs.x.shape }, nextState: undefined }
  },
  views: ['x', 'dt', 'B', 'C', 'z'],
  mutates: ['state'],
  reference: inPlaceReference,
  webgpu,
  wasm: withDecay(wasm),
})

/**
 * One token of `ssd`. With `inPlace`, the state becomes the next one (no gradients); otherwise the next state is an
 * output.
 */
export function ssdStateUpdate(
  inputs: SsdStateUpdateInputs,
  options: StepOptions<SsdStateUpdateParams>,
): SsdStateUpdateOutputs {
  const { inPlace = false, ...params } = options
  return apply(inPlace ? ssdStateUpdateInPlaceOp : ssdStateUpdateOp, inputs, params)
}

/** [B, W] as [B, 1, W]; rows may be any stride apart. */
function asToken(x: Tensor): Tensor {
  const [batch, width] = x.shape as [number, number]
  return x.view([batch, 1, width], x.offset, x.rowStride)
}
