import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Call } from '../../operation.ts'
import type { LtiDenseStatesBackward } from './op.ts'
import type { LtiDenseStatesInputs, LtiDenseStatesOutputs } from './types.ts'

export function ltiDenseStates({
  inputs: { v, A, initialState, reset },
  outputs: { h, finalState },
  scratch,
}: Call<LtiDenseStatesInputs, LtiDenseStatesOutputs, object>): WasmLaunch[] {
  const [batch, length, stateSize] = dims(v, 3)
  const workspace = scratch([batch, stateSize])
  const operands = { v, A, initialState, reset, h, finalState, workspace }
  return [wasmLaunch('ltiDenseForward', { ...operands, length, stateSize }, batch)]
}

export function ltiDenseStatesBackward({
  inputs: { h, A, initialState, reset, dh, dFinalState },
  outputs: { dv, dA, dInitialState },
  scratch,
}: LtiDenseStatesBackward): WasmLaunch[] {
  const [batch, length, stateSize] = dims(h, 3)
  const workspace = scratch([batch, stateSize])
  const operands = { A, reset, dh, dFinalState, dv, dInitialState, workspace }
  return [
    wasmLaunch('ltiDenseBackward', { ...operands, length, stateSize }, batch),
    wasmLaunch('ltiDenseWeights', { h, initialState, reset, dv, dA, batch, length, stateSize }, stateSize),
  ]
}
