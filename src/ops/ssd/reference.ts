import { dims } from '../../tensor/shape.ts'
import { FUNCTIONS } from '../activation/reference.ts'
import type { Arrays } from '../operation.ts'
import type { SsdBackward } from './op.ts'
import type { SsdInputs, SsdOutputs, SsdParams } from './types.ts'

const { silu, softplus } = FUNCTIONS

type Inputs = Arrays<SsdInputs>

/** The sizes, and where things lie, of one batch entry and head. */
function indexing({ x, A, B }: Inputs, { groups: G }: SsdParams) {
  const [batch, L, inner] = dims(x, 3)
  const H = A.shape[0]
  const P = inner / H
  const N = B.shape[2] / G
  const groupOf = (h: number): number => Math.floor(h / (H / G))
  return {
    batch,
    L,
    H,
    P,
    N,
    atHead: (b: number, t: number, h: number) => (b * L + t) * H + h,
    atX: (b: number, t: number, h: number, p: number) => (b * L + t) * inner + h * P + p,
    atB: (b: number, t: number, h: number, n: number) => ((b * L + t) * G + groupOf(h)) * N + n,
    atState: (b: number, h: number, p: number, n: number) => ((b * H + h) * P + p) * N + n,
  }
}

/** s = clamp(softplus(delta + deltaBias)), and ds/d(delta): 0 where it is clamped. */
function step(
  raw: number,
  { deltaSoftplus, deltaLimit: [low, high] = [-Infinity, Infinity] }: SsdParams,
): { s: number; slope: number } {
  const s = deltaSoftplus ? softplus.f(raw) : raw
  const inside = s >= low && s <= high
  return { s: Math.min(Math.max(s, low), high), slope: inside ? (deltaSoftplus ? softplus.df(raw) : 1) : 0 }
}

const dAt = (D: Inputs['D'], H: number, h: number, i: number): number =>
  D ? D.data[D.data.length === H ? h : i] : 0

/** Calls `visit` after each token with h[t] [P, N], h[t-1] and what led from one to the other. */
function recur(
  inputs: Inputs,
  params: SsdParams,
  b: number,
  h: number,
  visit: (
    t: number,
    state: Float64Array,
    before: Float64Array,
    s: number,
    decay: number,
    slope: number,
  ) => void,
): Float64Array {
  const { x, delta, A, B, deltaBias, initialState, reset } = inputs
  const { L, P, N, atHead, atX, atB, atState } = indexing(inputs, params)
  const start = atState(b, h, 0, 0)
  let state = initialState ? initialState.data.slice(start, start + P * N) : new Float64Array(P * N)
  for (let t = 0; t < L; t++) {
    const before = reset?.data[b * L + t] ? new Float64Array(P * N) : state
    const { s, slope } = step(delta.data[atHead(b, t, h)] + (deltaBias?.data[h] ?? 0), params)
    const decay = Math.exp(s * A.data[h])
    state = new Float64Array(P * N)
    for (let p = 0; p < P; p++) {
      for (let n = 0; n < N; n++) {
        const input = s * x.data[atX(b, t, h, p)] * B.data[atB(b, t, h, n)]
        state[p * N + n] = decay * before[p * N + n] + input
      }
    }
    visit(t, state, before, s, decay, slope)
  }
  return state
}

export function ssd(inputs: Inputs, { y, finalState }: Arrays<SsdOutputs>, params: SsdParams): void {
  const { x, C, D, z } = inputs
  const { batch, H, P, N, atX, atB, atState } = indexing(inputs, params)
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < H; h++) {
      const last = recur(inputs, params, b, h, (t, state) => {
        for (let p = 0; p < P; p++) {
          const i = atX(b, t, h, p)
          let sum = dAt(D, H, h, h * P + p) * x.data[i]
          for (let n = 0; n < N; n++) sum += state[p * N + n] * C.data[atB(b, t, h, n)]
          y.data[i] = z ? sum * silu.f(z.data[i]) : sum
        }
      })
      finalState.data.set(last, atState(b, h, 0, 0))
    }
  }
}

/** The adjoint recurrence: dh[t] = exp(s[t+1] A) dh[t+1] + dy[t] ⊗ C[t]. */
export function ssdBackward(
  inputs: Arrays<SsdBackward['inputs']>,
  outputs: Arrays<SsdBackward['outputs']>,
  params: SsdParams,
): void {
  const { x, A, B, C, D, z, reset, dy, dFinalState } = inputs
  const { dx, dDelta, dA, dB, dC, dD, dz, dDeltaBias, dInitialState } = outputs
  const { batch, L, H, P, N, atHead, atX, atB, atState } = indexing(inputs, params)
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < H; h++) {
      const visited: Parameters<Parameters<typeof recur>[4]>[] = []
      recur(inputs, params, b, h, (...each) => visited.push(each))
      const start = atState(b, h, 0, 0)
      const dh = dFinalState ? dFinalState.data.slice(start, start + P * N) : new Float64Array(P * N)
      for (const [t, state, before, s, decay, slope] of visited.toReversed()) {
        let ds = 0
        let ddecay = 0
        for (let p = 0; p < P; p++) {
          const i = atX(b, t, h, p)
          const d = dAt(D, H, h, h * P + p)
          let g = dy.data[i]
          if (z) {
            let sum = d * x.data[i]
            for (let n = 0; n < N; n++) sum += state[p * N + n] * C.data[atB(b, t, h, n)]
            dz!.data[i] = g * sum * silu.df(z.data[i])
            g *= silu.f(z.data[i])
          }
          dx.data[i] = d * g
          if (dD) dD.data[dD.data.length === H ? h : h * P + p] += g * x.data[i]
          for (let n = 0; n < N; n++) {
            const k = p * N + n
            const j = atB(b, t, h, n)
            dC.data[j] += g * state[k]
            dh[k] += g * C.data[j]
            dx.data[i] += s * dh[k] * B.data[j]
            dB.data[j] += s * dh[k] * x.data[i]
            ds += dh[k] * x.data[i] * B.data[j]
            ddecay += dh[k] * before[k]
            dh[k] *= reset?.data[b * L + t] ? 0 : decay
          }
        }
        ds += ddecay * decay * A.data[h]
        dA.data[h] += ddecay * decay * s
        dDelta.data[atHead(b, t, h)] = ds * slope
        if (dDeltaBias) dDeltaBias.data[h] += ds * slope
      }
      dInitialState?.data.set(dh, start)
    }
  }
}
