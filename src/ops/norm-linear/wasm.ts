import type { WasmLaunch } from '../../devices/wasm/launch.ts'
import { wasm as float } from '../matmul/wasm/launch.ts'
import { wasm as norm } from '../norm/wasm/launch.ts'
import type { Call } from '../operation.ts'
import { linearWasm as packed } from '../packed/wasm/launch.ts'
import { inTurn } from './in-turn.ts'
import type { NormLinearInputs, NormLinearOutputs, NormLinearParams } from './types.ts'

export function wasm(call: Call<NormLinearInputs, NormLinearOutputs, NormLinearParams>): WasmLaunch[] {
  return inTurn(call, norm, { float, packed })
}
