import type { WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import type {
  ActivationBackwardInputs,
  ActivationBackwardOutputs,
  ActivationInputs,
  ActivationOutputs,
  ActivationParams,
} from './index.ts'

export function wasm(_: Call<ActivationInputs, ActivationOutputs, ActivationParams>): WasmLaunch[] {
  return []
}

export function wasmBackward(
  _: Call<ActivationBackwardInputs, ActivationBackwardOutputs, ActivationParams>,
): WasmLaunch[] {
  return []
}
