import type { WasmLaunch } from '../../devices/wasm/launch.ts'
import { wasm as float } from '../matmul/wasm.ts'
import type { Call } from '../operation.ts'
import { linearWasm as packed } from '../packed/wasm.ts'
import { withDecay } from '../state-update/decay.ts'
import { wasm as update } from '../state-update/wasm.ts'
import { inTurn } from './in-turn.ts'
import type { SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams } from './index.ts'

export function wasm(
  call: Call<SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams>,
): WasmLaunch[] {
  return inTurn(call, withDecay(update), { float, packed })
}
