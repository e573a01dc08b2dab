import type { Arrays, NdArray } from '../../operation.ts'
import { reference as ssdReference } from '../reference.ts'
import { decayOf, type DecayParams } from '../../scan/step/decay.ts'
import type { SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams } from './types.ts'

/** `ssd` over one token. */
export function reference(
  { state, ...inputs }: Arrays<SsdStateUpdateInputs>,
  { y, nextState }: Arrays<SsdStateUpdateOutputs>,
  params: SsdStateUpdateParams,
): void {
  const { x, dt, B, C, z } = inputs
  const tokens = { x: asToken(x), dt: asToken(dt), B: asToken(B), C: asToken(C), z: z && asToken(z) }
  const all = { ...inputs, ...tokens, initialState: state, reset: undefined }
  ssdReference(all, { y: asToken(y), finalState: nextState! }, params)
}

export function inPlaceReference(
  inputs: Arrays<SsdStateUpdateInputs>,
  outputs: Arrays<SsdStateUpdateOutputs>,
  params: SsdStateUpdateParams & DecayParams,
): void {
  const { data, shape } = inputs.state
  const nextState = { data: new Float64Array(data.length), shape }
  reference({ ...inputs, A: decayOf(inputs.A, params) }, { ...outputs, nextState }, params)
  data.set(nextState.data)
}

function asToken({ data, shape: [batch, width] }: NdArray): NdArray {
  return { data, shape: [batch, 1, width] }
}
