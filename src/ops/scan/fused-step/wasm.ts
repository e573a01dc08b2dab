import type { WasmLaunch } from '../../../devices/wasm/launch.ts'
import { wasm as float } from '../../matmul/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import { linearWasm as packed } from '../../packed/wasm/launch.ts'
import { withDecay } from '../step/decay.ts'
import { wasm as update } from '../step/wasm.ts'
import { inTurn } from './in-turn.ts'
import type { SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams } from './types.ts'

export function wasm(
  call: Call<SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams>,
): WasmLaunch[] {
  return inTurn(call, withDecay(update), { float, packed })
}
