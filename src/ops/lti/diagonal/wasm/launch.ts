import { wasmLaunch, type WasmLaunch } from '../../../../devices/wasm/launch.ts'
import { dims } from '../../../../tensor/shape.ts'
import type { Call } from '../../../operation.ts'
import { dimensionsOf, discretize, discretizeBackward, MODE_WORDS } from '../../wasm/discretize.ts'
import type { LtiDiagonalBackward } from '../op.ts'
import type { LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams } from '../types.ts'

/** As in the kernels: tokens of a chunk. */
const CHUNK = 64

export function ltiDiagonal({
  inputs,
  outputs: { y, finalRe, finalIm },
  params,
  scratch,
}: Call<LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams>): WasmLaunch[] {
  const { u, D, initialRe, initialIm, reset } = inputs
  const [batch, length] = dims(u, 3)
  const { channels, modes, paddedModes, groups, complex } = dimensionsOf(inputs)
  const table = scratch([groups, paddedModes, 6, 4])
  const corrections = scratch([groups, paddedModes, 2, 4])
  const workspace = scratch([batch * groups, 4 * (3 * CHUNK + 2 * paddedModes)])
  const operands = { u, table, corrections, D, initialRe, initialIm, reset, y, finalRe, finalIm, workspace }
  const sizes = { length, channels, modes, paddedModes, complex }
  return [
    discretize(inputs, params, table, corrections, scratch([groups, MODE_WORDS])),
    wasmLaunch('ltiDiagonalForward', { ...operands, ...sizes }, batch * groups),
  ]
}

export function ltiDiagonalBackward({ inputs, outputs, params, scratch }: LtiDiagonalBackward): WasmLaunch[] {
  const { u, D, initialRe, initialIm, reset, dy, dFinalRe, dFinalIm } = inputs
  const { du, dD, dInitialRe, dInitialIm } = outputs
  const [batch, length] = dims(u, 3)
  const { channels, modes, paddedModes, groups, complex } = dimensionsOf(inputs)
  const table = scratch([groups, paddedModes, 6, 4])
  const corrections = scratch([groups, paddedModes, 2, 4])
  const partial = scratch([batch, groups, paddedModes, 6, 4])
  const partialD = scratch([batch, groups, 4])
  const chunks = Math.ceil(length / CHUNK)
  const itemWords = 4 * (4 * CHUNK + 2 * (CHUNK + 1) + 2 * paddedModes * (chunks + 2))
  const workspace = scratch([batch * groups, itemWords])
  const given = { u, table, corrections, D, initialRe, initialIm, reset, dy, dFinalRe, dFinalIm }
  const made = { du, dInitialRe, dInitialIm, partial, partialD, workspace }
  const sizes = { itemWords, length, channels, modes, paddedModes, complex }
  const list = [
    discretize(inputs, params, table, corrections, scratch([groups, MODE_WORDS])),
    wasmLaunch('ltiDiagonalBackward', { ...given, ...made, ...sizes }, batch * groups),
    discretizeBackward(inputs, outputs, params, partial, batch, scratch([groups, MODE_WORDS])),
  ]
  if (dD) list.push(wasmLaunch('ltiDiagonalSkip', { partialD, dD, batch, groups }, channels))
  return list
}
