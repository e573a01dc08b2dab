import { wasmLaunch, type WasmLaunch } from '../../../../devices/wasm/launch.ts'
import type { Tensor } from '../../../../tensor/tensor.ts'
import type { Call } from '../../../operation.ts'
import type {
  LtiDiagonalBackwardInputs,
  LtiDiagonalBackwardOutputs,
  LtiDiagonalInputs,
  LtiDiagonalOutputs,
  LtiDiagonalParams,
  LtiMode,
  LtiParams,
} from '../op.ts'

/** As in the kernels: tokens of a chunk, and words of a mode in f64. */
const CHUNK = 64
export const MODE_WORDS = 18

/** Sizes of the system as the kernels count them: groups of four channels, modes in fours. */
export function dimensionsOf({ aRe, aIm }: LtiMode): {
  readonly channels: number
  readonly modes: number
  readonly paddedModes: number
  readonly groups: number
  readonly complex: number
} {
  const [channels, modes] = aRe.shape as [number, number]
  const [paddedModes, groups] = [4 * Math.ceil(modes / 4), Math.ceil(channels / 4)]
  return { channels, modes, paddedModes, groups, complex: aIm ? 1 : 0 }
}

function discretize(
  { logDt, aRe, aIm, bRe, bIm, cRe, cIm }: LtiMode,
  { discretization, scale }: LtiParams,
  table: Tensor,
  corrections: Tensor,
  workspace: Tensor,
): WasmLaunch {
  const { channels, modes, paddedModes, groups } = dimensionsOf({ aRe, aIm } as LtiMode)
  const bilinear = discretization === 'bilinear' ? 1 : 0
  const sizes = { channels, modes, paddedModes, bilinear, scale }
  return wasmLaunch(
    'ltiDiscretize',
    { logDt, aRe, aIm, bRe, bIm, cRe, cIm, table, corrections, workspace, ...sizes },
    groups,
  )
}

export function wasm({
  inputs,
  outputs: { y, finalRe, finalIm },
  params,
  scratch,
}: Call<LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams>): WasmLaunch[] {
  const { u, D, initialRe, initialIm, reset } = inputs
  const [batch, length] = u.shape as [number, number, number]
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

export function wasmBackward({
  inputs,
  outputs,
  params,
  scratch,
}: Call<LtiDiagonalBackwardInputs, LtiDiagonalBackwardOutputs, LtiParams>): WasmLaunch[] {
  const { u, D, initialRe, initialIm, reset, dy, dFinalRe, dFinalIm } = inputs
  const { du, dD, dInitialRe, dInitialIm } = outputs
  const [batch, length] = u.shape as [number, number, number]
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

/** Gradients of the parameters from those of the table, `count` of them to be summed. */
export function discretizeBackward(
  { logDt, aRe, aIm, bRe, bIm }: LtiMode,
  { dLogDt, dARe, dAIm, dBRe, dBIm, dCRe, dCIm }: Omit<LtiDiagonalBackwardOutputs, 'du'>,
  { discretization, scale }: LtiParams,
  partial: Tensor,
  batch: number,
  workspace: Tensor,
): WasmLaunch {
  const { channels, modes, paddedModes, groups } = dimensionsOf({ aRe, aIm } as LtiMode)
  const bilinear = discretization === 'bilinear' ? 1 : 0
  const given = { logDt, aRe, aIm, bRe, bIm, partial, workspace }
  const made = { dLogDt, dARe, dAIm, dBRe, dBIm, dCRe, dCIm }
  const sizes = { batch, channels, modes, paddedModes, bilinear, scale }
  return wasmLaunch('ltiDiscretizeBackward', { ...given, ...made, ...sizes }, groups)
}
