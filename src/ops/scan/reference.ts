import type { Arrays, NdArray } from '../operation.ts'
import { CHUNK, isConstant, scanSizes, type ScanSizes } from './sizes.ts'
import type {
  SelectiveScanBackwardInputs,
  SelectiveScanBackwardOutputs,
  SelectiveScanInputs,
  SelectiveScanOutputs,
  SelectiveScanParams,
} from './types.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)))

/** Where B or C has the value for sequence b, token t, channel e, state n. */
function placeOf(x: NdArray, { length, inner, states, groups }: ScanSizes) {
  if (isConstant(x)) return (_b: number, _t: number, e: number, n: number): number => e * states + n
  return (b: number, t: number, e: number, n: number): number =>
    ((b * length + t) * groups + Math.floor((e * groups) / inner)) * states + n
}

/** One channel of one sequence, forward: dt [L], states h [L + 1, N] (h[0] is the initial one) and decays a [L, N]. */
function scanChannel(inputs: Arrays<SelectiveScanInputs>, softplusDelta: boolean, b: number, e: number) {
  const { u, delta, A, B, deltaBias, initialState, reset } = inputs
  const sizes = scanSizes(inputs)
  const { length, inner, states } = sizes
  const placeOfB = placeOf(B, sizes)
  const dt = new Float64Array(length)
  const h = new Float64Array((length + 1) * states)
  const a = new Float64Array(length * states)
  for (let n = 0; n < states; n++) h[n] = initialState ? initialState.data[(b * inner + e) * states + n] : 0
  for (let t = 0; t < length; t++) {
    const i = (b * length + t) * inner + e
    const raw = delta.data[i] + (deltaBias ? deltaBias.data[e] : 0)
    dt[t] = softplusDelta ? softplus(raw) : raw
    const keep = reset && reset.data[b * length + t] !== 0 ? 0 : 1
    for (let n = 0; n < states; n++) {
      a[t * states + n] = keep * Math.exp(dt[t] * A.data[e * states + n])
      h[(t + 1) * states + n] =
        a[t * states + n] * h[t * states + n] + dt[t] * B.data[placeOfB(b, t, e, n)] * u.data[i]
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
  const { batch, length, inner, states, chunks } = sizes
  const placeOfC = placeOf(C, sizes)
  for (let b = 0; b < batch; b++) {
    for (let e = 0; e < inner; e++) {
      const { h } = scanChannel(inputs, deltaSoftplus, b, e)
      for (let t = 0; t < length; t++) {
        const i = (b * length + t) * inner + e
        let sum = D ? D.data[e] * u.data[i] : 0
        for (let n = 0; n < states; n++) sum += C.data[placeOfC(b, t, e, n)] * h[(t + 1) * states + n]
        y.data[i] = z ? sum * z.data[i] * sigmoid(z.data[i]) : sum
      }
      for (let n = 0; n < states; n++) {
        finalState.data[(b * inner + e) * states + n] = h[length * states + n]!
        for (let k = 0; k < chunks; k++) {
          if (!edges) break
          edges.data[((b * chunks + k) * states + n) * inner + e] = h[k * CHUNK * states + n]!
        }
      }
    }
  }
}

export function selectiveScanBackward(
  inputs: Arrays<SelectiveScanBackwardInputs>,
  outputs: Arrays<SelectiveScanBackwardOutputs>,
  { deltaSoftplus = false }: SelectiveScanParams,
): void {
  const { u, A, B, C, D, z, deltaBias, delta, dy, dFinalState } = inputs
  const { du, ddelta, dA, dB, dC, dD, dz, ddeltaBias, dInitialState } = outputs
  const sizes = scanSizes(inputs)
  const { batch, length, inner, states } = sizes
  const [placeOfB, placeOfC] = [placeOf(B, sizes), placeOf(C, sizes)]
  for (let b = 0; b < batch; b++) {
    for (let e = 0; e < inner; e++) {
      const { dt, h, a } = scanChannel(inputs, deltaSoftplus, b, e)
      /** Gradient of the state after the token at hand. */
      const g = new Float64Array(states)
      for (let n = 0; n < states; n++) g[n] = dFinalState ? dFinalState.data[(b * inner + e) * states + n] : 0
      for (let t = length - 1; t >= 0; t--) {
        const i = (b * length + t) * inner + e
        let sum = D ? D.data[e] * u.data[i] : 0
        for (let n = 0; n < states; n++) sum += C.data[placeOfC(b, t, e, n)] * h[(t + 1) * states + n]
        let dsum = dy ? dy.data[i] : 0
        if (z) {
          const s = sigmoid(z.data[i])
          dz!.data[i] = dsum * sum * s * (1 + z.data[i] * (1 - s))
          dsum *= z.data[i] * s
        }
        du.data[i] = D ? D.data[e] * dsum : 0
        if (D) dD!.data[e] += dsum * u.data[i]
        let ddt = 0
        for (let n = 0; n < states; n++) {
          const [pB, pC] = [placeOfB(b, t, e, n), placeOfC(b, t, e, n)]
          g[n] += dsum * C.data[pC]
          dC.data[pC] += dsum * h[(t + 1) * states + n]
          dB.data[pB] += g[n] * dt[t] * u.data[i]
          du.data[i] += g[n] * dt[t] * B.data[pB]
          // a h: what the token kept of the state before.
          const kept = a[t * states + n] * h[t * states + n]
          dA.data[e * states + n] += g[n] * kept * dt[t]
          ddt += g[n] * (kept * A.data[e * states + n] + B.data[pB] * u.data[i])
          g[n] *= a[t * states + n]
        }
        const raw = delta.data[i] + (deltaBias ? deltaBias.data[e] : 0)
        const slope = deltaSoftplus && raw <= 20 ? sigmoid(raw) : 1
        ddelta.data[i] = ddt * slope
        if (ddeltaBias) ddeltaBias.data[e] += ddt * slope
      }
      dInitialState?.data.set(g, (b * inner + e) * states)
    }
  }
}
