import type { Arrays } from '../operation.ts'
import type {
  AdamWStepInputs,
  ClipFactorInputs,
  ClipFactorOutputs,
  ClipFactorParams,
  SumOfSquaresInputs,
  SumOfSquaresOutputs,
} from './types.ts'

export function adamWStep({
  parameter,
  gradient,
  m,
  v,
  hyper,
  gradientScale,
}: Arrays<AdamWStepInputs>): void {
  const [lr, beta1, beta2, eps, weightDecay, correction1, correction2] = hyper.data as unknown as number[]
  const scale = gradientScale?.data[0] ?? 1
  if (!Number.isFinite(scale)) return
  for (let i = 0; i < parameter.data.length; i++) {
    const g = scale * gradient.data[i]
    m.data[i] = beta1 * m.data[i] + (1 - beta1) * g
    v.data[i] = beta2 * v.data[i] + (1 - beta2) * g * g
    const decayed = parameter.data[i] * (1 - lr * weightDecay)
    const meanHat = m.data[i] / correction1
    const squareHat = v.data[i] / correction2
    parameter.data[i] = decayed - (lr * meanHat) / (Math.sqrt(squareHat) + eps)
  }
}

/** squares = Σ x² */
export function sumOfSquares(
  { x }: Arrays<SumOfSquaresInputs>,
  { squares }: Arrays<SumOfSquaresOutputs>,
): void {
  for (const each of x.data) squares.data[0] += each * each
}

/** factor = min(1, maxNorm / (norm + 1e-6)), NaN if the norm is not finite */
export function clipFactor(
  { squares }: Arrays<ClipFactorInputs>,
  { norm, factor }: Arrays<ClipFactorOutputs>,
  { maxNorm }: ClipFactorParams,
): void {
  let sum = 0
  for (const each of squares.data) sum += each
  norm.data[0] = Math.sqrt(sum)
  const limited = maxNorm === 0 ? 1 : Math.min(1, maxNorm / (norm.data[0] + 1e-6))
  factor.data[0] = Number.isFinite(norm.data[0]) ? limited : Number.NaN
}
