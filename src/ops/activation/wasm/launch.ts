import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import { ACTIVATIONS } from '../kinds.ts'
import type { ActivationBackward } from '../op.ts'
import type { ActivationInputs, ActivationOutputs, ActivationParams } from '../types.ts'

export function activation({
  inputs: { x },
  outputs: { y },
  params,
}: Call<ActivationInputs, ActivationOutputs, ActivationParams>): WasmLaunch[] {
  return [wasmLaunch('activation', { x, y, kind: ACTIVATIONS.indexOf(params.kind) }, x.size)]
}

export function activationBackward({
  inputs: { x, dy },
  outputs: { dx },
  params,
}: ActivationBackward): WasmLaunch[] {
  return [wasmLaunch('activationBackward', { x, dy, dx, kind: ACTIVATIONS.indexOf(params.kind) }, x.size)]
}
