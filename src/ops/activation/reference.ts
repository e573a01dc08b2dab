import type { Arrays } from '../operation.ts'
import type { Activation } from './kinds.ts'
import type { ActivationBackward } from './op.ts'
import type { ActivationInputs, ActivationOutputs, ActivationParams } from './types.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
/** Linear above 20, as torch's. */
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)))
/** Standard normal density and distribution. */
const density = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)
const distribution = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2))
/** tanh form of GELU: 0.5 x (1 + tanh(c (x + 0.044715 x³))), c = sqrt(2 / pi). */
const GELU_C = Math.sqrt(2 / Math.PI)
const GELU_CUBIC = 0.044715

type Scalar = (x: number) => number

/** f(x) and f'(x) of each activation. */
export const FUNCTIONS: Record<Activation, { readonly f: Scalar; readonly df: Scalar }> = {
  identity: { f: (x) => x, df: () => 1 },
  silu: {
    f: (x) => x * sigmoid(x),
    df: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  },
  sigmoid: { f: sigmoid, df: (x) => sigmoid(x) * (1 - sigmoid(x)) },
  softplus: { f: softplus, df: (x) => (x > 20 ? 1 : sigmoid(x)) },
  gelu: { f: (x) => x * distribution(x), df: (x) => distribution(x) + x * density(x) },
  geluTanh: {
    f: (x) => 0.5 * x * (1 + Math.tanh(GELU_C * (x + GELU_CUBIC * x ** 3))),
    df(x) {
      const t = Math.tanh(GELU_C * (x + GELU_CUBIC * x ** 3))
      return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * GELU_C * (1 + 3 * GELU_CUBIC * x * x)
    },
  },
  relu: { f: (x) => Math.max(x, 0), df: (x) => (x > 0 ? 1 : 0) },
  relu2: { f: (x) => Math.max(x, 0) ** 2, df: (x) => 2 * Math.max(x, 0) },
  tanh: { f: Math.tanh, df: (x) => 1 - Math.tanh(x) ** 2 },
  exp: { f: Math.exp, df: Math.exp },
  log: { f: Math.log, df: (x) => 1 / x },
  square: { f: (x) => x * x, df: (x) => 2 * x },
  /** Mamba-3's map to positive numbers: 1 + x for x >= 0, else 1 / (1 - x). */
  heavyTail: { f: (x) => (x >= 0 ? 1 + x : 1 / (1 - x)), df: (x) => (x >= 0 ? 1 : 1 / (1 - x) ** 2) },
}

export function activation(
  { x }: Arrays<ActivationInputs>,
  { y }: Arrays<ActivationOutputs>,
  { kind }: ActivationParams,
): void {
  const { f } = FUNCTIONS[kind]
  for (let i = 0; i < x.data.length; i++) y.data[i] = f(x.data[i])
}

export function activationBackward(
  { x, dy }: Arrays<ActivationBackward['inputs']>,
  { dx }: Arrays<ActivationBackward['outputs']>,
  { kind }: ActivationParams,
): void {
  const { df } = FUNCTIONS[kind]
  for (let i = 0; i < x.data.length; i++) dx.data[i] = dy.data[i] * df(x.data[i])
}

/**
 * The error function to float64 precision: its power series near zero, the continued fraction of its
 * complement further out (Abramowitz and Stegun 7.1.6 and 7.1.14).
 */
export function erf(x: number): number {
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  if (a < 2.5) {
    let term = a
    let sum = a
    for (let n = 1; Math.abs(term) > 1e-17 * sum; n++) {
      term *= (2 * a * a) / (2 * n + 1)
      sum += term
    }
    return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-a * a) * sum
  }
  let fraction = 0
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction)
  return Math.sign(x) * (1 - Math.exp(-a * a) / (Math.sqrt(Math.PI) * (a + fraction)))
}
