import { wasmLaunch, type WasmLaunch } from '../../../../devices/wasm/launch.ts'
import type { Call } from '../../../operation.ts'
import type { LtiMode } from '../../types.ts'
import { dimensionsOf, discretizeBackward, MODE_WORDS } from '../../wasm/discretize.ts'
import type { LtiKernelBackward } from '../op.ts'
import type { LtiKernelOutputs, LtiKernelParams } from '../types.ts'

/** As in the kernels: taps of a block, and words of a mode's tables. */
const TAPS = 64
const ROW = 136

export function ltiKernel({
  inputs,
  outputs: { kernel },
  params: { discretization, scale, length },
  scratch,
}: Call<LtiMode, LtiKernelOutputs, LtiKernelParams>): WasmLaunch[] {
  const { logDt, aRe, aIm, bRe, bIm, cRe, cIm, D } = inputs
  const { channels, modes } = dimensionsOf(inputs)
  const workspace = scratch([channels, MODE_WORDS + TAPS + modes * ROW])
  const bilinear = discretization === 'bilinear' ? 1 : 0
  const operands = { logDt, aRe, aIm, bRe, bIm, cRe, cIm, D, kernel, workspace }
  return [wasmLaunch('ltiKernelForward', { ...operands, length, modes, bilinear, scale }, channels)]
}

export function ltiKernelBackward({ inputs, outputs, params, scratch }: LtiKernelBackward): WasmLaunch[] {
  const { logDt, aRe, aIm, bRe, bIm, cRe, cIm, dKernel } = inputs
  const { discretization, scale, length } = params
  const { channels, modes, paddedModes, groups } = dimensionsOf(inputs)
  const partial = scratch([groups, paddedModes, 6, 4])
  const workspace = scratch([channels, MODE_WORDS + 5 * TAPS])
  const bilinear = discretization === 'bilinear' ? 1 : 0
  const operands = { logDt, aRe, aIm, bRe, bIm, cRe, cIm, dKernel, partial, dD: outputs.dD, workspace }
  const sizes = { length, channels, modes, paddedModes, bilinear, scale }
  return [
    wasmLaunch('ltiKernelBackward', { ...operands, ...sizes }, groups),
    discretizeBackward(inputs, outputs, params, partial, 1, scratch([groups, MODE_WORDS])),
  ]
}
