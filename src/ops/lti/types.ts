import type { Tensor } from '../../tensor/tensor.ts'
import type { Discretization } from './discretize.ts'

/**
 * One diagonal system a channel. Complex if `aIm` is there; other imaginary parts are then zero where absent.
 */
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

export interface LtiParams {
  readonly discretization: Discretization
  /** 2 if each mode stands for a conjugate pair, else 1 */
  readonly scale: number
}

/** Gradients of a mode's parameters: each has the shape of its parameter. */
export interface LtiModeGradients {
  readonly dLogDt: Tensor
  readonly dARe: Tensor
  readonly dAIm?: Tensor | undefined
  readonly dBRe: Tensor
  readonly dBIm?: Tensor | undefined
  readonly dCRe: Tensor
  readonly dCIm?: Tensor | undefined
  readonly dD?: Tensor | undefined
}
