import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { LtiMode, LtiModeGradients, LtiParams } from '../types.ts'

/** As in the kernels: words of a mode in f64. */
export const MODE_WORDS = 18

/** Sizes of the system as the kernels count them: groups of four channels, modes in fours. */
export function dimensionsOf({ aRe, aIm }: Pick<LtiMode, 'aRe' | 'aIm'>): {
  readonly channels: number
  readonly modes: number
  readonly paddedModes: number
  readonly groups: number
  readonly complex: number
} {
  const [channels, modes] = dims(aRe, 2)
  const [paddedModes, groups] = [4 * Math.ceil(modes / 4), Math.ceil(channels / 4)]
  return { channels, modes, paddedModes, groups, complex: aIm ? 1 : 0 }
}

/** Launches what makes the tables of all modes. */
export function discretize(
  { logDt, aRe, aIm, bRe, bIm, cRe, cIm }: LtiMode,
  { discretization, scale }: LtiParams,
  table: Tensor,
  corrections: Tensor,
  workspace: Tensor,
): WasmLaunch {
  const { channels, modes, paddedModes, groups } = dimensionsOf({ aRe, aIm })
  const bilinear = discretization === 'bilinear' ? 1 : 0
  const sizes = { channels, modes, paddedModes, bilinear, scale }
  return wasmLaunch(
    'ltiDiscretize',
    { logDt, aRe, aIm, bRe, bIm, cRe, cIm, table, corrections, workspace, ...sizes },
    groups,
  )
}

/** Gradients of the parameters from those of the table, `count` of them to be summed. */
export function discretizeBackward(
  { logDt, aRe, aIm, bRe, bIm }: LtiMode,
  { dLogDt, dARe, dAIm, dBRe, dBIm, dCRe, dCIm }: LtiModeGradients,
  { discretization, scale }: LtiParams,
  partial: Tensor,
  batch: number,
  workspace: Tensor,
): WasmLaunch {
  const { channels, modes, paddedModes, groups } = dimensionsOf({ aRe, aIm })
  const bilinear = discretization === 'bilinear' ? 1 : 0
  const given = { logDt, aRe, aIm, bRe, bIm, partial, workspace }
  const made = { dLogDt, dARe, dAIm, dBRe, dBIm, dCRe, dCIm }
  const sizes = { batch, channels, modes, paddedModes, bilinear, scale }
  return wasmLaunch('ltiDiscretizeBackward', { ...given, ...made, ...sizes }, groups)
}
