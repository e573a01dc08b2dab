import { FUNCTIONS } from '../activation/reference.ts'
import type { Arrays, NdArray } from '../operation.ts'
import type { SelectiveScanBackward } from './op.ts'
import { CHUNK, isConstant, scanSizes, type ScanSizes } from './sizes.ts'
import type { SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams } from './types.ts'

/** Where B or C has the value for sequence b, token t, channel e, state n. */
function placeOf(x: NdArray, { length, inner, stateSize, groups }: ScanSizes) {
  if (isConstant(x)) return (_b: number, _t: number, e: number, n: number): number => e * stateSize + n
  return (b: number, t: number, e: number, n: number): number =>
    ((b * length + t) * groups + Math.floor((e * groups) / inner)) * stateSize + n
}

/**
 * One channel of one sequence, forward: dt [L], states h [L + 1, N] (h[0] is the initial one) and decays a
 * [L, N].
 */
function scanChannel(inputs: Arrays<SelectiveScanInputs>, softplusDelta: boolean, b: number, e: number) {
  const { u, delta, A, B, deltaBias, initialState, reset } = inputs
  const sizes = scanSizes(inputs)
  const { length, inner, stateSize } = sizes
  const placeOfB = placeOf(B, sizes)
  const dt = new Float64Array(length)
  const h = new Float64Array((length + 1) * stateSize)
  const a = new Float64Array(length * stateSize)
  for (let n = 0; n < stateSize; n++)
    h[n] = initialState ? initialState.data[(b * inner + e) * stateSize + n] : 0
  for (let t = 0; t < length; t++) {
    const i = (b * length + t) * inner + e
    const raw = delta.data[i] + (deltaBias ? deltaBias.data[e] : 0)
    dt[t] = softplusDelta ? FUNCTIONS.softplus.f(raw) : raw
    const keep = reset && reset.data[b * length + t] !== 0 ? 0 : 1
    for (let n = 0; n < stateSize; n++) {
      a[t * stateSize + n] = keep * Math.exp(dt[t] * A.data[e * stateSize + n])
      h[(t + 1) * stateSize + n] =
        a[t * stateSize + n] * h[t * stateSize + n] + dt[t] * B.data[placeOfB(b, t, e, n)] * u.data[i]
    }
  }
  return { dt, h, a }
}

export function selectiveScan(
  inputs: Arrays<SelectiveScanInputs>,
  { y, finalState, edges }: Arrays<SelectiveScanOutputs>,
  { deltaSoftplus = false }: SelectiveScanParams,
): void {
  const { u, C, D, z } = inputs
  const sizes = scanSizes(inputs)
  const { batch, length, inner, stateSize, chunks } = sizes
  const placeOfC = placeOf(C, sizes)
  for (let b = 0; b < batch; b++) {
    for (let e = 0; e < inner; e++) {
      const { h } = scanChannel(inputs, deltaSoftplus, b, e)
      for (let t = 0; t < length; t++) {
        const i = (b * length + t) * inner + e
        let sum = D ? D.data[e] * u.data[i] : 0
        for (let n = 0; n < stateSize; n++) sum += C.data[placeOfC(b, t, e, n)] * h[(t + 1) * stateSize + n]
        y.data[i] = z ? sum * FUNCTIONS.silu.f(z.data[i]) : sum
      }
      for (let n = 0; n < stateSize; n++) {
        finalState.data[(b * inner + e) * stateSize + n] = h[length * stateSize + n]!
        for (let k = 0; k < chunks; k++) {
          if (!edges) break
          edges.data[((b * chunks + k) * stateSize + n) * inner + e] = h[k * CHUNK * stateSize + n]!
        }
      }
    }
  }
}

export function selectiveScanBackward(
  inputs: Arrays<SelectiveScanBackward['inputs']>,
  outputs: Arrays<SelectiveScanBackward['outputs']>,
  { deltaSoftplus = false }: SelectiveScanParams,
): void {
  const { u, A, B, C, D, z, deltaBias, delta, dy, dFinalState } = inputs
  const { du, dDelta, dA, dB, dC, dD, dz, dDeltaBias, dInitialState } = outputs
  const sizes = scanSizes(inputs)
  const { batch, length, inner, stateSize } = sizes
  const [placeOfB, placeOfC] = [placeOf(B, sizes), placeOf(C, sizes)]
  for (let b = 0; b < batch; b++) {
    for (let e = 0; e < inner; e++) {
      const { dt, h, a } = scanChannel(inputs, deltaSoftplus, b, e)
      /** Gradient of the state after the token at hand. */
      const g = new Float64Array(stateSize)
      for (let n = 0; n < stateSize; n++)
        g[n] = dFinalState ? dFinalState.data[(b * inner + e) * stateSize + n] : 0
      for (let t = length - 1; t >= 0; t--) {
        const i = (b * length + t) * inner + e
        let sum = D ? D.data[e] * u.data[i] : 0
        for (let n = 0; n < stateSize; n++) sum += C.data[placeOfC(b, t, e, n)] * h[(t + 1) * stateSize + n]
        let dsum = dy ? dy.data[i] : 0
        if (z) {
          dz!.data[i] = dsum * sum * FUNCTIONS.silu.df(z.data[i])
          dsum *= FUNCTIONS.silu.f(z.data[i])
        }
        du.data[i] = D ? D.data[e] * dsum : 0
        if (D) dD!.data[e] += dsum * u.data[i]
        let ddt = 0
        for (let n = 0; n < stateSize; n++) {
          const [pB, pC] = [placeOfB(b, t, e, n), placeOfC(b, t, e, n)]
          g[n] += dsum * C.data[pC]
          dC.data[pC] += dsum * h[(t + 1) * stateSize + n]
          dB.data[pB] += g[n] * dt[t] * u.data[i]
          du.data[i] += g[n] * dt[t] * B.data[pB]
          // a h: what the token kept of the state before.
          const kept = a[t * stateSize + n] * h[t * stateSize + n]
          dA.data[e * stateSize + n] += g[n] * kept * dt[t]
          ddt += g[n] * (kept * A.data[e * stateSize + n] + B.data[pB] * u.data[i])
          g[n] *= a[t * stateSize + n]
        }
        const raw = delta.data[i] + (deltaBias ? deltaBias.data[e] : 0)
        const slope = deltaSoftplus ? FUNCTIONS.softplus.df(raw) : 1
        dDelta.data[i] = ddt * slope
        if (dDeltaBias) dDeltaBias.data[e] += ddt * slope
      }
      dInitialState?.data.set(g, (b * inner + e) * stateSize)
    }
  }
}
