import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { Call } from '../../operation.ts'
import type { CausalConv1dBackward } from '../op.ts'
import type {
  CausalConv1dInputs,
  CausalConv1dOutputs,
  CausalConv1dParams,
  CausalConv1dUpdateInputs,
  CausalConv1dUpdateOutputs,
} from '../types.ts'

/** Tokens whose sums for the weight's gradient are made in one go. */
const TILE = 32

interface Arranged {
  readonly byTap: Tensor
  readonly edge: Tensor
  readonly launch: WasmLaunch
}

function arrange(
  { x, weight, initialWindow }: CausalConv1dInputs,
  scratch: (shape: readonly number[]) => Tensor,
): Arranged {
  const [batch, , channels] = dims(x, 3)
  const taps = weight.width
  const byTap = scratch([taps, channels])
  const edge = scratch([initialWindow ? 1 + batch * (taps - 1) : 1, channels])
  const args = { weight, initialWindow, byTap, edge, batch, channels, taps }
  return { byTap, edge, launch: wasmLaunch('causalConv1dArrange', args, channels) }
}

export function causalConv1d({
  inputs,
  outputs: { y, finalWindow },
  params: { activation },
  scratch,
}: Call<CausalConv1dInputs, CausalConv1dOutputs, CausalConv1dParams>): WasmLaunch[] {
  const { x, weight, bias, initialWindow, reset } = inputs
  const [batch, length, channels] = dims(x, 3)
  const { byTap, edge, launch } = arrange(inputs, scratch)
  const sizes = { length, channels, taps: weight.width, xStride: x.rowStride }
  const windowed = initialWindow ? 1 : 0
  const silu = activation === 'silu' ? 1 : 0
  const launches = [
    launch,
    wasmLaunch(
      'causalConv1dForward',
      { x, byTap, bias, edge, windowed, reset, y, ...sizes, silu },
      batch * Math.ceil(length / 4),
    ),
  ]
  if (finalWindow.size > 0) {
    const args = { x, initialWindow, finalWindow, ...sizes }
    launches.push(wasmLaunch('causalConv1dFinalWindow', args, batch * channels))
  }
  return launches
}

export function causalConv1dBackward({
  inputs,
  outputs: { dx, dWeight, dBias, dInitialWindow },
  params: { activation },
  scratch,
}: CausalConv1dBackward): WasmLaunch[] {
  const { x, weight, bias, initialWindow, reset, dy, dFinalWindow } = inputs
  const [batch, length, channels] = dims(x, 3)
  const taps = weight.width
  const sizes = { length, channels, taps }
  const { byTap, edge, launch } = arrange(inputs, scratch)
  const launches = [launch]
  const tiles = batch * Math.ceil(length / TILE)
  const partials = scratch([dy ? tiles : 1, taps + 1, channels])
  const dPre = dy && scratch(dy.shape)
  if (dy) {
    const flags = { windowed: initialWindow ? 1 : 0, silu: activation === 'silu' ? 1 : 0, tile: TILE }
    const args = { x, byTap, bias, edge, reset, dy, dPre, partials, ...sizes, xStride: x.rowStride, ...flags }
    launches.push(wasmLaunch('causalConv1dBackwardTokens', args, tiles))
  }
  launches.push(
    wasmLaunch(
      'causalConv1dBackwardSums',
      { partials, dWeight, dBias, tiles: dy ? tiles : 0, channels, taps },
      channels,
    ),
    wasmLaunch(
      'causalConv1dBackwardInput',
      { dPre, byTap, reset, dFinalWindow, dx, ...sizes },
      batch * Math.ceil(length / 4),
    ),
  )
  if (dInitialWindow && dInitialWindow.size > 0) {
    const args = { dPre, weight, reset, dFinalWindow, dInitialWindow, ...sizes }
    launches.push(wasmLaunch('causalConv1dBackwardWindow', args, batch * channels))
  }
  return launches
}

export function causalConv1dUpdate({
  inputs: { window, x, weight, bias },
  outputs: { y },
  params: { activation },
}: Call<CausalConv1dUpdateInputs, CausalConv1dUpdateOutputs, CausalConv1dParams>): WasmLaunch[] {
  const silu = activation === 'silu' ? 1 : 0
  const sizes = { channels: x.width, taps: weight.width, xStride: x.rowStride }
  return [wasmLaunch('causalConv1dUpdate', { window, x, weight, bias, y, ...sizes, silu }, x.size)]
}
