import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import type { RopeInputs, RopeOutputs, RopeParams } from './types.ts'

export function rope({ inputs, outputs, params }: Call<RopeInputs, RopeOutputs, RopeParams>): WasmLaunch[] {
  const { x, past } = inputs
  const { headDim, theta, rotaryDim, inverse } = params
  const ratio = theta ** (-2 / rotaryDim)
  const ratioHigh = Math.fround(ratio)
  const args = {
    x,
    past,
    y: outputs.y,
    length: x.shape[1],
    heads: x.width / headDim,
    headDim,
    half: rotaryDim / 2,
    xStride: x.rowStride,
    ratioHigh,
    ratioLow: ratio - ratioHigh,
    direction: inverse ? -1 : 1,
  }
  return [wasmLaunch('ropeRows', args, x.rows)]
}
