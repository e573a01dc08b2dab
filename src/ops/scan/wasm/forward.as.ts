import { fma } from '../../../devices/wasm/kernels/math.as'
import { LOG2E, V, scanExp2, scanScatter, scanLoad, scanStore, scanArrange, scanState } from './lanes.as'
import { scanGates, scanSteps } from './tokens.as'

/**
 * The scan: y [B, L, E], finalState [B, E, N], edges [B, chunks, N, E]. Without y, states alone: edges.
 * Items: channel blocks, [B, G, blocks]; scratch: [items, 4 quads N + T] vectors.
 *
 * Steps of a chunk come before its states, gates after: what does not wait for the token before overlaps.
 */
export function selectiveScanForward(
  u: usize,
  delta: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  z: usize,
  deltaBias: usize,
  initialState: usize,
  reset: usize,
  y: usize,
  finalState: usize,
  edges: usize,
  scratch: usize,
  length: i32,
  inner: i32,
  stateSize: i32,
  groups: i32,
  blocks: i32,
  width: i32,
  chunk: i32,
  bStride: i32,
  cStride: i32,
  zStride: i32,
  softplus: i32,
  begin: i32,
  end: i32,
): void {
  const perGroup = inner / groups
  const chunks = (length + chunk - 1) / chunk
  const part = <usize>((width + 3) >> 2) * <usize>stateSize * V
  /** B, C constant in time. */
  const bWide = bStride == 0
  const cWide = cStride == 0
  for (let item = begin; item < end; item++) {
    const b = item / (groups * blocks)
    const group = (item / blocks) % groups
    const within = (item % blocks) * width
    const e0 = group * perGroup + within
    const channels = min<i32>(width, perGroup - within)
    // A log2(e), h, and B and C if constant: [quads, N]
    const allA = scratch + <usize>item * (part * 4 + <usize>chunk * V)
    const allH = allA + part
    const allB = allH + part
    const allC = allB + part
    // [T]: dt
    const steps = allC + part
    scanArrange(A + ((<usize>(e0 * stateSize)) << 2), allA, channels, stateSize, LOG2E)
    if (bWide) scanArrange(B + ((<usize>(e0 * stateSize)) << 2), allB, channels, stateSize, 1)
    if (cWide) scanArrange(C + ((<usize>(e0 * stateSize)) << 2), allC, channels, stateSize, 1)
    if (initialState == 0) memory.fill(allH, 0, part)
    else
      scanArrange(initialState + ((<usize>((b * inner + e0) * stateSize)) << 2), allH, channels, stateSize, 1)

    for (let k = 0; k < chunks; k++) {
      const first = k * chunk
      const last = min<i32>(length, first + chunk)
      for (let q = 0; q < channels; q += 4) {
        const lanes = min<i32>(4, channels - q)
        const e = e0 + q
        const offset = <usize>(q >> 2) * <usize>stateSize * V
        const a = allA + offset
        const h = allH + offset
        if (edges != 0) {
          const edge = edges + ((<usize>((b * chunks + k) * stateSize * inner + e)) << 2)
          for (let n = 0; n < stateSize; n++) {
            scanStore(edge + ((<usize>(n * inner)) << 2), lanes, v128.load(h + ((<usize>n) << 4)))
          }
        }
        const bias = deltaBias != 0 ? scanLoad(deltaBias + ((<usize>e) << 2), lanes) : f32x4.splat(0)
        const skip = D != 0 ? scanLoad(D + ((<usize>e) << 2), lanes) : f32x4.splat(0)
        const start = (<usize>((b * length + first) * inner + e)) << 2
        scanSteps(delta + start, steps, last - first, inner, lanes, bias, softplus)
        for (let t = first; t < last; t++) {
          const row = b * length + t
          const i = (<usize>(row * inner + e)) << 2
          if (reset != 0 && load<i32>(reset + ((<usize>row) << 2)) != 0)
            memory.fill(h, 0, <usize>stateSize * V)
          const dt = v128.load(steps + <usize>(t - first) * V)
          const input = scanLoad(u + i, lanes)
          const x = f32x4.mul(dt, input)
          const bRow = bWide
            ? allB + offset
            : B + ((<usize>row * <usize>bStride + <usize>(group * stateSize)) << 2)
          if (y == 0) {
            for (let n = 0; n < stateSize; n++) {
              const at = (<usize>n) << 4
              const decay = scanExp2(f32x4.mul(dt, v128.load(a + at)))
              v128.store(h + at, fma(x, scanState(bRow, n, bWide), f32x4.mul(decay, v128.load(h + at))))
            }
            continue
          }
          const cRow = cWide
            ? allC + offset
            : C + ((<usize>row * <usize>cStride + <usize>(group * stateSize)) << 2)
          let sum = f32x4.mul(skip, input)
          let n = 0
          if (!bWide && !cWide) {
            // The usual case, two states at a time.
            for (; n + 2 <= stateSize; n += 2) {
              const ha = h + ((<usize>n) << 4)
              const aa = a + ((<usize>n) << 4)
              const ba = bRow + ((<usize>n) << 2)
              const ca = cRow + ((<usize>n) << 2)
              const decay0 = scanExp2(f32x4.mul(dt, v128.load(aa)))
              const decay1 = scanExp2(f32x4.mul(dt, v128.load(aa, 16)))
              const next0 = fma(x, v128.load32_splat(ba), f32x4.mul(decay0, v128.load(ha)))
              const next1 = fma(x, v128.load32_splat(ba, 4), f32x4.mul(decay1, v128.load(ha, 16)))
              v128.store(ha, next0)
              v128.store(ha, next1, 16)
              sum = fma(next0, v128.load32_splat(ca), sum)
              sum = fma(next1, v128.load32_splat(ca, 4), sum)
            }
          }
          for (; n < stateSize; n++) {
            const at = (<usize>n) << 4
            const decay = scanExp2(f32x4.mul(dt, v128.load(a + at)))
            const next = fma(x, scanState(bRow, n, bWide), f32x4.mul(decay, v128.load(h + at)))
            v128.store(h + at, next)
            sum = fma(next, scanState(cRow, n, cWide), sum)
          }
          scanStore(y + i, lanes, sum)
        }
        if (y != 0 && z != 0) {
          const gates = z + ((<usize>(b * length + first) * <usize>zStride + <usize>e) << 2)
          scanGates(gates, zStride, y + start, last - first, inner, lanes)
        }
        if (finalState == 0 || k + 1 < chunks) continue
        const out = finalState + ((<usize>((b * inner + e) * stateSize)) << 2)
        for (let n = 0; n < stateSize; n++)
          scanScatter(out + (n << 2), stateSize, lanes, v128.load(h + ((<usize>n) << 4)))
      }
    }
  }
}
