import { fma, sum4 } from '../../../devices/wasm/kernels/math.as'
import {
  SCAN_KEPT,
  SCAN_SUMS,
  SCAN_TOKEN,
  scanOneBackward,
  scanOneForward,
  scanPairBackward,
  scanPairForward,
} from './pairs.as'
import { scanSlopes, scanStepGradients, scanSteps } from './tokens.as'
import { LOG2E, scanArrange, scanLoad, scanScatter, scanStore } from './lanes.as'

const LN2: f32 = 0.693147181
/** Bytes of a vector. */
const V: usize = 16

/**
 * Walks the chunks from the end. In each, for four channels, two states at a time are made again from the
 * edge, then gradients go back through them. Adds up what is summed over channels in dB, dC of the chunk, in
 * four lanes, and writes it to tokens [B, L, G, blocks, 2, N]; what is summed over time goes to
 * sums [B, E, W] = dA N, dD, dDeltaBias, and dB N, dC N of constant B and C.
 *
 * Items: channel blocks, [B, G, blocks]. Scratch for each, in vectors: 7 [quads, N], 2 [quads], 2 [T], 6 [T],
 * 4 [T + 1], 4 [N / 2, T].
 */
export function selectiveScanBackward(
  u: usize,
  delta: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  z: usize,
  deltaBias: usize,
  reset: usize,
  edges: usize,
  dy: usize,
  dFinalState: usize,
  du: usize,
  dDelta: usize,
  dz: usize,
  dInitialState: usize,
  sums: usize,
  tokens: usize,
  scratch: usize,
  perItem: i32,
  sumsWidth: i32,
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
  const maxQuads = <usize>((width + 3) >> 2)
  const rowBytes = <usize>stateSize * V
  const part = maxQuads * rowBytes
  const pairBytes = <usize>chunk * SCAN_SUMS
  const pairs = (stateSize + 1) >> 1
  const bWide = bStride == 0
  const cWide = cStride == 0
  const bStep = (<usize>bStride) << 2
  const cStep = (<usize>cStride) << 2
  const zero = f32x4.splat(0)
  for (let item = begin; item < end; item++) {
    const b = item / (groups * blocks)
    const group = (item / blocks) % groups
    const within = (item % blocks) * width
    const e0 = group * perGroup + within
    const channels = min<i32>(width, perGroup - within)
    // [quads, N]: A log2(e), gradient of the state, dA, and for constant B and C: B, C, dB, dC
    const allA = scratch + ((<usize>item * <usize>perItem) << 2)
    const allG = allA + part
    const allDA = allG + part
    const allB = allDA + part
    const allC = allB + part
    const allDB = allC + part
    const allDC = allDB + part
    // [quads]: dD, dDeltaBias
    const allDD = allDC + part
    const allDBias = allDD + maxQuads * V
    // [T]: dt; gradient before the gate
    const steps = allDBias + maxQuads * V
    const slopes = steps + <usize>chunk * V
    // [T]: what a token is to all states; [T + 1]: what two states keep; [N / 2, T]: dB, dB, dC, dC
    const ofToken = slopes + <usize>chunk * V
    const kept = ofToken + <usize>chunk * SCAN_TOKEN
    const chunkSums = kept + <usize>(chunk + 1) * SCAN_KEPT
    scanArrange(A + ((<usize>(e0 * stateSize)) << 2), allA, channels, stateSize, LOG2E)
    if (bWide) scanArrange(B + ((<usize>(e0 * stateSize)) << 2), allB, channels, stateSize, 1)
    if (cWide) scanArrange(C + ((<usize>(e0 * stateSize)) << 2), allC, channels, stateSize, 1)
    if (dFinalState == 0) memory.fill(allG, 0, part)
    else
      scanArrange(dFinalState + ((<usize>((b * inner + e0) * stateSize)) << 2), allG, channels, stateSize, 1)
    memory.fill(allDA, 0, part)
    memory.fill(allDB, 0, 2 * part + 2 * maxQuads * V)

    for (let k = chunks - 1; k >= 0; k--) {
      const first = k * chunk
      const last = min<i32>(length, first + chunk)
      memory.fill(chunkSums, 0, <usize>pairs * pairBytes)
      for (let q = 0; q < channels; q += 4) {
        const lanes = min<i32>(4, channels - q)
        const e = e0 + q
        const offset = <usize>(q >> 2) * rowBytes
        const a = allA + offset
        const edge = edges + ((<usize>((b * chunks + k) * stateSize * inner + e)) << 2)
        const bias = deltaBias != 0 ? scanLoad(deltaBias + ((<usize>e) << 2), lanes) : zero
        const skip = D != 0 ? scanLoad(D + ((<usize>e) << 2), lanes) : zero

        const start = (<usize>((b * length + first) * inner + e)) << 2
        scanSteps(delta + start, steps, last - first, inner, lanes, bias, softplus)
        const gates = z != 0 ? z + ((<usize>(b * length + first) * <usize>zStride + <usize>e) << 2) : 0
        scanSlopes(dy != 0 ? dy + start : 0, gates, zStride, dz + start, slopes, last - first, inner, lanes)

        const count = last - first
        for (let t = 0; t < count; t++) {
          const to = ofToken + <usize>t * SCAN_TOKEN
          const dt = v128.load(steps + <usize>t * V)
          const input = scanLoad(u + start + ((<usize>(t * inner)) << 2), lanes)
          v128.store(to, dt)
          v128.store(to, f32x4.mul(dt, input), V)
          v128.store(to, v128.load(slopes + <usize>t * V), 2 * V)
          v128.store(to, f32x4.mul(skip, input), 3 * V)
          v128.store(to, zero, 4 * V)
          v128.store(to, zero, 5 * V)
        }

        const row = <usize>(b * length + first)
        const bRows = bWide ? allB + offset : B + ((row * <usize>bStride + <usize>(group * stateSize)) << 2)
        const cRows = cWide ? allC + offset : C + ((row * <usize>cStride + <usize>(group * stateSize)) << 2)
        const bEnd = bRows + <usize>(count - 1) * bStep
        const cEnd = cRows + <usize>(count - 1) * cStep
        const resets = reset != 0 ? reset + (row << 2) : 0
        const g = allG + offset
        const dA = allDA + offset
        let n = 0
        for (; !bWide && !cWide && n + 2 <= stateSize; n += 2) {
          const at = (<usize>n) << 4
          const word = (<usize>n) << 2
          const pair = chunkSums + <usize>(n >> 1) * pairBytes
          v128.store(kept, scanLoad(edge + ((<usize>(n * inner)) << 2), lanes))
          v128.store(kept, scanLoad(edge + ((<usize>((n + 1) * inner)) << 2), lanes), V)
          scanPairForward(
            kept,
            ofToken,
            a + at,
            bRows + word,
            bStep,
            cRows + word,
            cStep,
            resets,
            count,
            z != 0,
          )
          scanPairBackward(
            kept,
            ofToken,
            pair,
            a + at,
            g + at,
            dA + at,
            bEnd + word,
            bStep,
            cEnd + word,
            cStep,
            count,
          )
        }
        for (; n < stateSize; n++) {
          const at = (<usize>n) << 4
          const bAt = bWide ? at : (<usize>n) << 2
          const cAt = cWide ? at : (<usize>n) << 2
          const end =
            chunkSums + <usize>(n >> 1) * pairBytes + <usize>(count - 1) * SCAN_SUMS + <usize>(n & 1) * V
          v128.store(kept, scanLoad(edge + ((<usize>(n * inner)) << 2), lanes))
          scanOneForward(kept, ofToken, a + at, bRows + bAt, bStep, cRows + cAt, cStep, resets, count, z != 0)
          scanOneBackward(
            kept,
            ofToken,
            bWide ? allDB + offset + at : end,
            bWide ? 0 : SCAN_SUMS,
            cWide ? allDC + offset + at : end + 2 * V,
            cWide ? 0 : SCAN_SUMS,
            a + at,
            g + at,
            dA + at,
            bEnd + bAt,
            bStep,
            cEnd + cAt,
            cStep,
            count,
          )
        }

        let dD = v128.load(allDD + ((<usize>q) << 2))
        let dBias = v128.load(allDBias + ((<usize>q) << 2))
        for (let t = count - 1; t >= 0; t--) {
          const i = start + ((<usize>(t * inner)) << 2)
          const from = ofToken + <usize>t * SCAN_TOKEN
          const slope = v128.load(from, 2 * V)
          const input = scanLoad(u + i, lanes)
          const viaInput = v128.load(from, 4 * V)
          if (z != 0) scanStore(dz + i, lanes, f32x4.mul(scanLoad(dz + i, lanes), v128.load(from, 3 * V)))
          scanStore(du + i, lanes, fma(v128.load(from), viaInput, f32x4.mul(skip, slope)))
          const viaDecay = f32x4.mul(f32x4.splat(LN2), v128.load(from, 5 * V))
          scanStore(dDelta + i, lanes, fma(input, viaInput, viaDecay))
          dD = fma(slope, input, dD)
        }
        dBias = f32x4.add(
          dBias,
          scanStepGradients(delta + start, dDelta + start, last - first, inner, lanes, bias, softplus),
        )
        v128.store(allDD + ((<usize>q) << 2), dD)
        v128.store(allDBias + ((<usize>q) << 2), dBias)
      }
      for (let t = first; t < last; t++) {
        const to =
          tokens +
          ((<usize>(((b * length + t) * groups * blocks + (item % (groups * blocks))) * 2 * stateSize)) << 2)
        for (let n = 0; n < stateSize; n++) {
          const at =
            chunkSums + <usize>(n >> 1) * pairBytes + <usize>(t - first) * SCAN_SUMS + <usize>(n & 1) * V
          if (!bWide) store<f32>(to + ((<usize>n) << 2), sum4(v128.load(at)))
          if (!cWide) store<f32>(to + ((<usize>(stateSize + n)) << 2), sum4(v128.load(at, 2 * V)))
        }
      }
    }

    for (let q = 0; q < channels; q += 4) {
      const lanes = min<i32>(4, channels - q)
      const offset = <usize>(q >> 2) * rowBytes
      const channel = b * inner + e0 + q
      const to = sums + ((<usize>(channel * sumsWidth)) << 2)
      for (let n = 0; n < stateSize; n++) {
        const at = offset + ((<usize>n) << 4)
        const out = to + ((<usize>n) << 2)
        scanScatter(out, sumsWidth, lanes, v128.load(allDA + at))
        if (bWide) scanScatter(out + ((<usize>(stateSize + 2)) << 2), sumsWidth, lanes, v128.load(allDB + at))
        if (cWide)
          scanScatter(out + ((<usize>(2 * stateSize + 2)) << 2), sumsWidth, lanes, v128.load(allDC + at))
        if (dInitialState != 0) {
          const initial = dInitialState + ((<usize>(channel * stateSize + n)) << 2)
          scanScatter(initial, stateSize, lanes, v128.load(allG + at))
        }
      }
      scanScatter(to + ((<usize>stateSize) << 2), sumsWidth, lanes, v128.load(allDD + ((<usize>q) << 2)))
      scanScatter(
        to + ((<usize>(stateSize + 1)) << 2),
        sumsWidth,
        lanes,
        v128.load(allDBias + ((<usize>q) << 2)),
      )
    }
  }
}
