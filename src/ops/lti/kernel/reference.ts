import { dims } from '../../../tensor/shape.ts'
import type { Arrays } from '../../operation.ts'
import { addTo, at, conj, mul, plus, times, type Complex } from '../complex.ts'
import { discretize, discretizeBackward } from '../discretize.ts'
import type { LtiMode } from '../types.ts'
import type { LtiKernelBackward } from './op.ts'
import type { LtiKernelOutputs, LtiKernelParams } from './types.ts'

export function ltiKernel(
  { logDt, aRe, aIm, bRe, bIm, cRe, cIm, D }: Arrays<LtiMode>,
  { kernel }: Arrays<LtiKernelOutputs>,
  { discretization, scale, length }: LtiKernelParams,
): void {
  const [channels, N] = dims(aRe, 2)
  for (let c = 0; c < channels; c++) {
    const dt = Math.exp(logDt.data[c])
    kernel.data[c * length] = D?.data[c] ?? 0
    for (let p = c * N; p < (c + 1) * N; p++) {
      const A = at(aRe.data, aIm?.data, p)
      const { aBar, bBar } = discretize(discretization, dt, A, at(bRe.data, bIm?.data, p))
      let h = bBar
      for (let l = 0; l < length; l++) {
        kernel.data[c * length + l] += scale * mul(at(cRe.data, cIm?.data, p), h)[0]
        h = mul(aBar, h)
      }
    }
  }
}

/**
 * dC = scale Σ dK[l] conj(B̄ Ā^l), dB̄ = scale Σ dK[l] conj(C Ā^l), dĀ = scale Σ dK[l] conj(C B̄ l Ā^(l-1)).
 */
export function ltiKernelBackward(
  { logDt, aRe, aIm, bRe, bIm, cRe, cIm, dKernel }: Arrays<LtiKernelBackward['inputs']>,
  d: Arrays<LtiKernelBackward['outputs']>,
  { discretization, scale, length }: LtiKernelParams,
): void {
  const [channels, N] = dims(aRe, 2)
  for (let c = 0; c < channels; c++) {
    const dt = Math.exp(logDt.data[c])
    if (d.dD) d.dD.data[c] = dKernel.data[c * length]!
    for (let p = c * N; p < (c + 1) * N; p++) {
      const A = at(aRe.data, aIm?.data, p)
      const B = at(bRe.data, bIm?.data, p)
      const C = at(cRe.data, cIm?.data, p)
      const { aBar, bBar } = discretize(discretization, dt, A, B)
      let power: Complex = [1, 0]
      let slope: Complex = [0, 0]
      let sumOfPowers: Complex = [0, 0]
      let sumOfSlopes: Complex = [0, 0]
      for (let l = 0; l < length; l++) {
        const g = scale * dKernel.data[c * length + l]
        sumOfPowers = plus(sumOfPowers, times(power, g))
        sumOfSlopes = plus(sumOfSlopes, times(slope, g))
        slope = plus(mul(slope, aBar), power)
        power = mul(power, aBar)
      }
      addTo(d.dCRe.data, d.dCIm?.data, p, conj(mul(bBar, sumOfPowers)))
      const dBBar = conj(mul(C, sumOfPowers))
      const dABar = conj(mul(mul(C, bBar), sumOfSlopes))
      const { dLogDt, dA, dB } = discretizeBackward(discretization, dt, A, B, dABar, dBBar)
      d.dLogDt.data[c] += dLogDt
      addTo(d.dARe.data, d.dAIm?.data, p, dA)
      addTo(d.dBRe.data, d.dBIm?.data, p, dB)
    }
  }
}
