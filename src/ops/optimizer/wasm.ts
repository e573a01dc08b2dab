import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Call } from '../operation.ts'
import type {
  AdamWStepInputs,
  ClipFactorInputs,
  ClipFactorOutputs,
  ClipFactorParams,
  SumOfSquaresInputs,
  SumOfSquaresOutputs,
} from './types.ts'

/** As in `wasm.as.ts`. */
const BLOCK = 16384

export function adamWStep({
  inputs: { parameter, gradient, m, v, hyper, gradientScale },
}: Call<AdamWStepInputs, object, object>): WasmLaunch[] {
  return [wasmLaunch('adamWStep', { parameter, gradient, m, v, hyper, gradientScale }, parameter.size)]
}

export function sumOfSquares({
  inputs: { x },
  outputs: { squares },
  scratch,
}: Call<SumOfSquaresInputs, SumOfSquaresOutputs, object>): WasmLaunch[] {
  const blocks = Math.ceil(x.size / BLOCK)
  const partials = scratch([Math.max(blocks, 1)])
  return [
    wasmLaunch('sumOfSquaresBlocks', { x, partials, size: x.size }, blocks),
    wasmLaunch('sumOfSquaresTotal', { partials, squares, size: blocks }, 1),
  ]
}

export function clipFactor({
  inputs: { squares },
  outputs: { norm, factor },
  params: { maxNorm },
}: Call<ClipFactorInputs, ClipFactorOutputs, ClipFactorParams>): WasmLaunch[] {
  return [wasmLaunch('clipFactor', { squares, norm, factor, size: squares.size, maxNorm }, 1)]
}
