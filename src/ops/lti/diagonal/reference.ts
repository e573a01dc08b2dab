import { dims } from '../../../tensor/shape.ts'
import type { Arrays } from '../../operation.ts'
import { addTo, at, conj, mul, plus, times, type Complex } from '../complex.ts'
import { discretize, discretizeBackward } from '../discretize.ts'
import type { LtiParams } from '../types.ts'
import type { LtiDiagonalBackward } from './op.ts'
import type { LtiDiagonalInputs, LtiDiagonalOutputs, LtiDiagonalParams } from './types.ts'

const ZERO: Complex = [0, 0]

export function ltiDiagonal(
  inputs: Arrays<LtiDiagonalInputs>,
  { y, finalRe, finalIm }: Arrays<LtiDiagonalOutputs>,
  { discretization, scale }: LtiDiagonalParams,
): void {
  const { u, logDt, aRe, aIm, bRe, bIm, cRe, cIm, D, initialRe, initialIm, reset } = inputs
  const [batch, L, channels] = dims(u, 3)
  const N = aRe.shape[1]
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const dt = Math.exp(logDt.data[c])
      for (let t = 0; t < L; t++) {
        const i = (b * L + t) * channels + c
        if (y) y.data[i] = (D?.data[c] ?? 0) * u.data[i]
      }
      for (let n = 0; n < N; n++) {
        const p = c * N + n
        const s = (b * channels + c) * N + n
        const A = at(aRe.data, aIm?.data, p)
        const C = at(cRe.data, cIm?.data, p)
        const { aBar, bBar } = discretize(discretization, dt, A, at(bRe.data, bIm?.data, p))
        let h = initialRe ? at(initialRe.data, initialIm?.data, s) : ZERO
        for (let t = 0; t < L; t++) {
          const i = (b * L + t) * channels + c
          if (reset?.data[b * L + t]) h = ZERO
          h = plus(mul(aBar, h), times(bBar, u.data[i]))
          if (y) y.data[i] += scale * mul(C, h)[0]
        }
        addTo(finalRe.data, finalIm?.data, s, h)
      }
    }
  }
}

/**
 * With λ[t] the gradient of h[t]:
 *
 *   λ[t] = scale dy[t] conj(C) + conj(Ā) λ[t+1]    (the second term only if t+1 is no reset; dFinal at the
 *   end) dC = Σ scale dy[t] conj(h[t])   dĀ = Σ λ[t] conj(h[t-1])   dB̄ = Σ λ[t] u[t]   du[t] = Re(conj(B̄)
 *   λ[t]) + D dy[t]
 */
export function ltiDiagonalBackward(
  inputs: Arrays<LtiDiagonalBackward['inputs']>,
  d: Arrays<LtiDiagonalBackward['outputs']>,
  { discretization, scale }: LtiParams,
): void {
  const { u, logDt, aRe, aIm, bRe, bIm, cRe, cIm, D, initialRe, initialIm, reset } = inputs
  const { dy, dFinalRe, dFinalIm } = inputs
  const [batch, L, channels] = dims(u, 3)
  const N = aRe.shape[1]
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      const dt = Math.exp(logDt.data[c])
      for (let t = 0; t < L; t++) {
        const i = (b * L + t) * channels + c
        if (!dy) continue
        d.du.data[i] = (D?.data[c] ?? 0) * dy.data[i]
        if (d.dD) d.dD.data[c] += u.data[i] * dy.data[i]
      }
      for (let n = 0; n < N; n++) {
        const p = c * N + n
        const s = (b * channels + c) * N + n
        const A = at(aRe.data, aIm?.data, p)
        const B = at(bRe.data, bIm?.data, p)
        const C = at(cRe.data, cIm?.data, p)
        const { aBar, bBar } = discretize(discretization, dt, A, B)
        /** States that Ā meets at t, and h[t]. */
        const before: Complex[] = []
        const after: Complex[] = []
        let h = initialRe ? at(initialRe.data, initialIm?.data, s) : ZERO
        for (let t = 0; t < L; t++) {
          if (reset?.data[b * L + t]) h = ZERO
          before.push(h)
          h = plus(mul(aBar, h), times(bBar, u.data[(b * L + t) * channels + c]))
          after.push(h)
        }
        let lambda: Complex = [dFinalRe?.data[s] ?? 0, dFinalIm?.data[s] ?? 0]
        let dABar = ZERO
        let dBBar = ZERO
        for (let t = L - 1; t >= 0; t--) {
          const i = (b * L + t) * channels + c
          const g = scale * (dy?.data[i] ?? 0)
          lambda = plus(lambda, times(conj(C), g))
          addTo(d.dCRe.data, d.dCIm?.data, p, times(conj(after[t]), g))
          dABar = plus(dABar, mul(lambda, conj(before[t])))
          dBBar = plus(dBBar, times(lambda, u.data[i]))
          d.du.data[i] += mul(conj(bBar), lambda)[0]
          lambda = reset?.data[b * L + t] ? ZERO : mul(conj(aBar), lambda)
        }
        if (d.dInitialRe) addTo(d.dInitialRe.data, d.dInitialIm?.data, s, lambda)
        const { dLogDt, dA, dB } = discretizeBackward(discretization, dt, A, B, dABar, dBBar)
        d.dLogDt.data[c] += dLogDt
        addTo(d.dARe.data, d.dAIm?.data, p, dA)
        addTo(d.dBRe.data, d.dBIm?.data, p, dB)
      }
    }
  }
}
