import { FUNCTIONS } from '../activation/reference.ts'
import type { Arrays, NdArray } from '../operation.ts'
import type { NormBackward } from './op.ts'
import type { NormInputs, NormOutputs, NormParams } from './types.ts'

const silu = (x: number): number => FUNCTIONS.silu.f(x)
const siluGradient = (x: number): number => FUNCTIONS.silu.df(x)

/** The places of each group of channels, row by row. */
function* groups({ data, shape }: NdArray, groupSize: number): Generator<readonly number[]> {
  const width = shape.at(-1)!
  for (let start = 0; start < data.length; start += groupSize) {
    yield Array.from({ length: Math.min(groupSize, width) }, (_, i) => start + i)
  }
}

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

/** n = (v - mu) / sqrt(mean((v - mu)²) + eps), mu = 0 unless centered; and that factor. */
function normalize(v: readonly number[], { eps, center }: NormParams): { n: number[]; r: number } {
  const mu = center ? mean(v) : 0
  const r = 1 / Math.sqrt(mean(v.map((x) => (x - mu) ** 2)) + eps)
  return { n: v.map((x) => (x - mu) * r), r }
}

export function norm(
  { x, residual, weight, bias, z }: Arrays<NormInputs>,
  { y, sum }: Arrays<NormOutputs>,
  params: NormParams,
): void {
  const width = x.shape.at(-1)!
  const { groupSize = width, normBeforeGate = false } = params
  for (const group of groups(x, groupSize)) {
    const gate = group.map((i) => (z ? silu(z.data[i]) : 1))
    const input = group.map((i) => x.data[i] + (residual?.data[i] ?? 0))
    const { n } = normalize(normBeforeGate ? input : input.map((v, k) => v * gate[k]), params)
    for (const [k, i] of group.entries()) {
      const channel = i % width
      if (sum) sum.data[i] = input[k]!
      y.data[i] = n[k] * (weight?.data[channel] ?? 1) + (bias?.data[channel] ?? 0)
      if (normBeforeGate) y.data[i] *= gate[k]
    }
  }
}

/** dv = r (dn - n mean(n dn) - mean(dn)), the last term if centered. */
export function normBackward(
  { x, weight, bias, z, dy, dSum }: Arrays<NormBackward['inputs']>,
  { dx, dz, dWeight, dBias }: Arrays<NormBackward['outputs']>,
  params: NormBackward['params'],
): void {
  const width = x.shape.at(-1)!
  const { groupSize = width, normBeforeGate = false, center } = params
  for (const group of groups(x, groupSize)) {
    const gate = group.map((i) => (z ? silu(z.data[i]) : 1))
    const w = group.map((i) => weight?.data[i % width] ?? 1)
    const { n, r } = normalize(
      group.map((i, k) => x.data[i] * (normBeforeGate ? 1 : gate[k])),
      params,
    )
    // Gradients of n weight + bias, and of n.
    const da = group.map((i, k) => dy.data[i] * (normBeforeGate ? gate[k] : 1))
    const dn = da.map((g, k) => g * w[k])
    const meanNdn = mean(n.map((value, k) => value * dn[k]))
    const meanDn = center ? mean(dn) : 0
    for (const [k, i] of group.entries()) {
      const channel = i % width
      const dv = r * (dn[k] - n[k] * meanNdn - meanDn)
      const dgate = normBeforeGate ? dy.data[i] * (n[k] * w[k] + (bias?.data[channel] ?? 0)) : dv * x.data[i]
      dx.data[i] = dv * (normBeforeGate ? 1 : gate[k]) + (dSum?.data[i] ?? 0)
      if (dz) dz.data[i] = dgate * siluGradient(z!.data[i])
      if (dWeight) dWeight.data[channel] += da[k] * n[k]
      if (dBias) dBias.data[channel] += da[k]
    }
  }
}
