import { fma, sum4 } from '../../devices/wasm/kernels/math.as'
import { scanSlopes, scanStepGradients, scanSteps } from './tokens.as'
import { LOG2E, scanArrange, scanExp2, scanLoad, scanScatter, scanState, scanStore } from './wasm.as'

const LN2: f32 = 0.693147181
/** Bytes of a vector. */
const V: usize = 16

/**
 * Walks the chunks from the end. In each, states are made again from the edge (h [T + 1, N], decays a [T, N], for four
 * channels), then gradients go back through them. Adds up what is summed over channels in dB, dC of the chunk [T, N], in four
 * lanes, and writes it to tokens [B, L, G, blocks, 2, N]; what is summed over time goes to
 * sums [B, E, W] = dA N, dD, ddeltaBias, and dB N, dC N of constant B and C.
 *
 * Items: channel blocks, [B, G, blocks]. Scratch for each, in vectors: 7 [quads, N], 2 [quads], 2 [T], 4 [T, N] + [N].
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
  ddelta: usize,
  dz: usize,
  dInitialState: usize,
  sums: usize,
  tokens: usize,
  scratch: usize,
  perItem: i32,
  sumsWidth: i32,
  length: i32,
  inner: i32,
  states: i32,
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
  const rowBytes = <usize>states * V
  const part = maxQuads * rowBytes
  const chunkBytes = <usize>chunk * rowBytes
  const bWide = bStride == 0
  const cWide = cStride == 0
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
    // [quads]: dD, ddeltaBias
    const allDD = allDC + part
    const allDBias = allDD + maxQuads * V
    // [T]: dt; gradient before the gate
    const steps = allDBias + maxQuads * V
    const slopes = steps + <usize>chunk * V
    // [T, N]: decays; dB, dC; [T + 1, N]: states
    const decays = slopes + <usize>chunk * V
    const chunkDB = decays + chunkBytes
    const chunkDC = chunkDB + chunkBytes
    const history = chunkDC + chunkBytes
    scanArrange(A + ((<usize>(e0 * states)) << 2), allA, channels, states, LOG2E)
    if (bWide) scanArrange(B + ((<usize>(e0 * states)) << 2), allB, channels, states, 1)
    if (cWide) scanArrange(C + ((<usize>(e0 * states)) << 2), allC, channels, states, 1)
    if (dFinalState == 0) memory.fill(allG, 0, part)
    else scanArrange(dFinalState + ((<usize>((b * inner + e0) * states)) << 2), allG, channels, states, 1)
    memory.fill(allDA, 0, part)
    memory.fill(allDB, 0, 2 * part + 2 * maxQuads * V)

    for (let k = chunks - 1; k >= 0; k--) {
      const first = k * chunk
      const last = min<i32>(length, first + chunk)
      memory.fill(chunkDB, 0, 2 * chunkBytes)
      for (let q = 0; q < channels; q += 4) {
        const lanes = min<i32>(4, channels - q)
        const e = e0 + q
        const offset = <usize>(q >> 2) * rowBytes
        const a = allA + offset
        const edge = edges + ((<usize>((b * chunks + k) * states * inner + e)) << 2)
        for (let n = 0; n < states; n++) {
          v128.store(history + ((<usize>n) << 4), scanLoad(edge + ((<usize>(n * inner)) << 2), lanes))
        }
        const bias = deltaBias != 0 ? scanLoad(deltaBias + ((<usize>e) << 2), lanes) : zero
        const skip = D != 0 ? scanLoad(D + ((<usize>e) << 2), lanes) : zero

        const start = (<usize>((b * length + first) * inner + e)) << 2
        scanSteps(delta + start, steps, last - first, inner, lanes, bias, softplus)
        const gates = z != 0 ? z + ((<usize>(b * length + first) * <usize>zStride + <usize>e) << 2) : 0
        scanSlopes(dy != 0 ? dy + start : 0, gates, zStride, dz + start, slopes, last - first, inner, lanes)

        // Forward through the chunk.
        for (let t = first; t < last; t++) {
          const row = b * length + t
          const i = (<usize>(row * inner + e)) << 2
          const keep = i32x4.splat(reset != 0 && load<i32>(reset + ((<usize>row) << 2)) != 0 ? 0 : -1)
          const step = <usize>(t - first)
          const dt = v128.load(steps + step * V)
          const input = scanLoad(u + i, lanes)
          const x = f32x4.mul(dt, input)
          const h = history + step * rowBytes
          const decayRow = decays + step * rowBytes
          const bRow = bWide
            ? allB + offset
            : B + ((<usize>row * <usize>bStride + <usize>(group * states)) << 2)
          const cRow = cWide
            ? allC + offset
            : C + ((<usize>row * <usize>cStride + <usize>(group * states)) << 2)
          if (z != 0) {
            let sum = f32x4.mul(skip, input)
            for (let n = 0; n < states; n++) {
              const at = (<usize>n) << 4
              const decay = v128.and(keep, scanExp2(f32x4.mul(dt, v128.load(a + at))))
              v128.store(decayRow + at, decay)
              const next = fma(x, scanState(bRow, n, bWide), f32x4.mul(decay, v128.load(h + at)))
              v128.store(h + rowBytes + at, next)
              sum = fma(next, scanState(cRow, n, cWide), sum)
            }
            scanStore(dz + i, lanes, f32x4.mul(scanLoad(dz + i, lanes), sum))
          } else {
            for (let n = 0; n < states; n++) {
              const at = (<usize>n) << 4
              const decay = v128.and(keep, scanExp2(f32x4.mul(dt, v128.load(a + at))))
              v128.store(decayRow + at, decay)
              const next = fma(x, scanState(bRow, n, bWide), f32x4.mul(decay, v128.load(h + at)))
              v128.store(h + rowBytes + at, next)
            }
          }
        }

        // And back.
        const g = allG + offset
        const dA = allDA + offset
        let dD = v128.load(allDD + ((<usize>q) << 2))
        let dBias = v128.load(allDBias + ((<usize>q) << 2))
        for (let t = last - 1; t >= first; t--) {
          const row = b * length + t
          const i = (<usize>(row * inner + e)) << 2
          const step = <usize>(t - first)
          const dt = v128.load(steps + step * V)
          const slope = v128.load(slopes + step * V)
          const input = scanLoad(u + i, lanes)
          const x = f32x4.mul(dt, input)
          const h = history + step * rowBytes
          const decayRow = decays + step * rowBytes
          const bRow = bWide
            ? allB + offset
            : B + ((<usize>row * <usize>bStride + <usize>(group * states)) << 2)
          const cRow = cWide
            ? allC + offset
            : C + ((<usize>row * <usize>cStride + <usize>(group * states)) << 2)
          const dB = bWide ? allDB + offset : chunkDB + step * rowBytes
          const dC = cWide ? allDC + offset : chunkDC + step * rowBytes
          // Sums over n of g B, and of g a h A log2(e).
          let viaInput = zero
          let viaDecay = zero
          for (let n = 0; n < states; n++) {
            const at = (<usize>n) << 4
            const gn = fma(slope, scanState(cRow, n, cWide), v128.load(g + at))
            v128.store(dC + at, fma(slope, v128.load(h + rowBytes + at), v128.load(dC + at)))
            v128.store(dB + at, fma(gn, x, v128.load(dB + at)))
            viaInput = fma(gn, scanState(bRow, n, bWide), viaInput)
            const carried = f32x4.mul(gn, v128.load(decayRow + at))
            v128.store(g + at, carried)
            const kept = f32x4.mul(carried, v128.load(h + at))
            v128.store(dA + at, fma(dt, kept, v128.load(dA + at)))
            viaDecay = fma(kept, v128.load(a + at), viaDecay)
          }
          scanStore(du + i, lanes, fma(dt, viaInput, f32x4.mul(skip, slope)))
          scanStore(ddelta + i, lanes, fma(input, viaInput, f32x4.mul(f32x4.splat(LN2), viaDecay)))
          dD = fma(slope, input, dD)
        }
        dBias = f32x4.add(
          dBias,
          scanStepGradients(delta + start, ddelta + start, last - first, inner, lanes, bias, softplus),
        )
        v128.store(allDD + ((<usize>q) << 2), dD)
        v128.store(allDBias + ((<usize>q) << 2), dBias)
      }
      for (let t = first; t < last; t++) {
        const to =
          tokens +
          ((<usize>(((b * length + t) * groups * blocks + (item % (groups * blocks))) * 2 * states)) << 2)
        const from = <usize>(t - first) * rowBytes
        for (let n = 0; n < states; n++) {
          const at = from + ((<usize>n) << 4)
          if (!bWide) store<f32>(to + ((<usize>n) << 2), sum4(v128.load(chunkDB + at)))
          if (!cWide) store<f32>(to + ((<usize>(states + n)) << 2), sum4(v128.load(chunkDC + at)))
        }
      }
    }

    for (let q = 0; q < channels; q += 4) {
      const lanes = min<i32>(4, channels - q)
      const offset = <usize>(q >> 2) * rowBytes
      const channel = b * inner + e0 + q
      const to = sums + ((<usize>(channel * sumsWidth)) << 2)
      for (let n = 0; n < states; n++) {
        const at = offset + ((<usize>n) << 4)
        const out = to + ((<usize>n) << 2)
        scanScatter(out, sumsWidth, lanes, v128.load(allDA + at))
        if (bWide) scanScatter(out + ((<usize>(states + 2)) << 2), sumsWidth, lanes, v128.load(allDB + at))
        if (cWide)
          scanScatter(out + ((<usize>(2 * states + 2)) << 2), sumsWidth, lanes, v128.load(allDC + at))
        if (dInitialState != 0) {
          const initial = dInitialState + ((<usize>(channel * states + n)) << 2)
          scanScatter(initial, states, lanes, v128.load(allG + at))
        }
      }
      scanScatter(to + ((<usize>states) << 2), sumsWidth, lanes, v128.load(allDD + ((<usize>q) << 2)))
      scanScatter(
        to + ((<usize>(states + 1)) << 2),
        sumsWidth,
        lanes,
        v128.load(allDBias + ((<usize>q) << 2)),
      )
    }
  }
}
