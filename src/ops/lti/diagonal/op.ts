import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineOperation } from '../../operation.ts'
import { backwardReference, reference } from './reference.ts'
import { checkMode, checkSequence } from '../shapes.ts'
import type { Discretization } from '../discretize.ts'
import { wasm, wasmBackward } from './wasm/launch.ts'
import { webgpuBackward } from './webgpu/backward.ts'
import { webgpu } from './webgpu/forward.ts'

/** One diagonal system a channel. Complex if `aIm` is there; other imaginary parts are then zero where absent. */
export interface LtiMode {
  /** [C], log of the step */
  readonly logDt: Tensor
  /** [C, N] */
  readonly aRe: Tensor
  readonly aIm?: Tensor | undefined
  readonly bRe: Tensor
  readonly bIm?: Tensor | undefined
  readonly cRe: Tensor
  readonly cIm?: Tensor | undefined
  /** [C] */
  readonly D?: Tensor | undefined
}

export interface LtiDiagonalInputs extends LtiMode {
  /** [B, L, C] */
  readonly u: Tensor
  /** [B, C, N] */
  readonly initialRe?: Tensor | undefined
  readonly initialIm?: Tensor | undefined
  /** i32 [B, L]: nonzero where the state is zeroed before the token */
  readonly reset?: Tensor | undefined
}

export interface LtiDiagonalOutputs {
  /** [B, L, C]; absent if `finalOnly` */
  readonly y?: Tensor | undefined
  /** [B, C, N] */
  readonly finalRe: Tensor
  readonly finalIm?: Tensor | undefined
}

export interface LtiParams {
  readonly discretization: Discretization
  /** 2 if each mode stands for a conjugate pair, else 1 */
  readonly scale: number
}

export interface LtiDiagonalParams extends LtiParams {
  /** Whether only the final state is computed. */
  readonly finalOnly?: boolean
}

export interface LtiDiagonalBackwardInputs extends LtiDiagonalInputs {
  readonly dy?: Tensor | undefined
  readonly dFinalRe?: Tensor | undefined
  readonly dFinalIm?: Tensor | undefined
}

export interface LtiDiagonalBackwardOutputs {
  readonly du: Tensor
  readonly dLogDt: Tensor
  readonly dARe: Tensor
  readonly dAIm?: Tensor | undefined
  readonly dBRe: Tensor
  readonly dBIm?: Tensor | undefined
  readonly dCRe: Tensor
  readonly dCIm?: Tensor | undefined
  readonly dD?: Tensor | undefined
  readonly dInitialRe?: Tensor | undefined
  readonly dInitialIm?: Tensor | undefined
}

const like = (x: Tensor | undefined) => x && { shape: x.shape }

const ltiDiagonalBackwardOp = defineOperation<
  LtiDiagonalBackwardInputs,
  LtiDiagonalBackwardOutputs,
  LtiParams
>({
  name: 'ltiDiagonalBackward',
  dtypes: { reset: 'i32' },
  outputs: ({ u, logDt, aRe, aIm, bRe, bIm, cRe, cIm, D, initialRe, initialIm }) => ({
    du: { shape: u.shape },
    dLogDt: { shape: logDt.shape },
    dARe: { shape: aRe.shape },
    dAIm: like(aIm),
    dBRe: { shape: bRe.shape },
    dBIm: like(bIm),
    dCRe: { shape: cRe.shape },
    dCIm: like(cIm),
    dD: like(D),
    dInitialRe: like(initialRe),
    dInitialIm: like(initialIm),
  }),
  reference: backwardReference,
  webgpu: webgpuBackward,
  wasm: wasmBackward,
})

/**
 * The recurrent form, for each channel c and mode n (Ā and B̄: see discretize.ts):
 *
 *   h[t] = Ā h[t-1] + B̄ u[t],  y[t] = scale Re(Σ_n C h[t]) + D u[t]
 */
export const ltiDiagonalOp = defineOperation<LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams>({
  name: 'ltiDiagonal',
  dtypes: { reset: 'i32' },
  outputs(inputs, { finalOnly }) {
    checkMode('ltiDiagonal', inputs)
    const { batch, channels, modes } = checkSequence('ltiDiagonal', inputs)
    const state = { shape: [batch, channels, modes] }
    return {
      y: finalOnly ? undefined : { shape: inputs.u.shape },
      finalRe: state,
      finalIm: inputs.aIm && state,
    }
  },
  reference,
  webgpu,
  wasm,
  saved: ['u', 'logDt', 'aRe', 'aIm', 'bRe', 'bIm', 'cRe', 'cIm', 'D', 'initialRe', 'initialIm', 'reset'],
  gradient({ inputs, grads, params }) {
    const { y: dy, finalRe: dFinalRe, finalIm: dFinalIm } = grads
    const d = apply(ltiDiagonalBackwardOp, { ...inputs, dy, dFinalRe, dFinalIm }, params)
    return {
      u: d.du,
      logDt: d.dLogDt,
      aRe: d.dARe,
      aIm: d.dAIm,
      bRe: d.dBRe,
      bIm: d.dBIm,
      cRe: d.dCRe,
      cIm: d.dCIm,
      D: d.dD,
      initialRe: d.dInitialRe,
      initialIm: d.dInitialIm,
    }
  },
})
