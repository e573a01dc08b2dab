/**
 * The backward pass. With dh the gradient of the state after a chunk and dx̄ = dx / s (the gradient of s x):
 *
 *     dx̄[s] = Σ_{l >= s} scores[l, s] decay(s, l) dy[l] + decayEnd[s] dh B[s]
 *     dC[l] = Σ_{s <= l} dscores[l, s] B[s] + decayIn[l] dy[l] h
 *     dB[s] = Σ_{l >= s} dscores[l, s] C[l] + decayEnd[s] s[s] x[s] dh
 *     dscores[l, s] = decay(s, l) s[s] (dy[l] · x[s])
 *
 * and for the exponents a = s A, from <dh[t], h[t]> counted both ways,
 *
 *     da[t] = da[t + 1] + C[t] · dC[t] - s[t] x[t] · dx̄[t],   0 at a reset,
 *
 * where dC is that of the head alone, and da after the chunk's end is <dh, h>.
 */
import { fma, fma1, sigmoid1, softplus1, sum4 } from '../../../devices/wasm/kernels/math.as.ts'
import { SSD_FULL, SSD_LOWER, SSD_UPPER, ssdAddProduct, ssdAxpy, ssdDot, ssdDots } from './tiles.as.ts'
import { ssdNextRow } from './forward.as.ts'

/**
 * All other gradients, chunk by chunk; sums over the heads of a group in their order. Scratch of an item:
 * work, 3 Q² + 2 Q + Q N. dABlocks, dDeltaBiasBlocks [B, chunks, H] and dDBlocks [B, chunks, ...D] are sums
 * over a chunk. Items: (b, chunk, g).
 */
export function ssdBackward(
  x: usize,
  delta: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  deltaBias: usize,
  decays: usize,
  scores: usize,
  states: usize,
  dstates: usize,
  dy: usize,
  work: usize,
  dx: usize,
  dDelta: usize,
  dB: usize,
  dC: usize,
  dABlocks: usize,
  dDeltaBiasBlocks: usize,
  dDBlocks: usize,
  batch: i32,
  length: i32,
  heads: i32,
  headDim: i32,
  groups: i32,
  stateSize: i32,
  chunk: i32,
  channelD: i32,
  deltaSoftplus: i32,
  deltaMin: f32,
  deltaMax: f32,
  xStride: i32,
  deltaStride: i32,
  bStride: i32,
  cStride: i32,
  begin: i32,
  end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk
  const inner = heads * headDim
  const perGroup = heads / groups
  const plane = (<usize>(batch * heads * length)) << 2
  const square = (<usize>(chunk * chunk)) << 2
  const line = (<usize>chunk) << 2
  const stateRow = (<usize>stateSize) << 2
  const stateBytes = (<usize>(headDim * stateSize)) << 2
  for (let item = begin; item < end; item++) {
    const g = item % groups
    const c = (item / groups) % chunks
    const b = item / groups / chunks
    const first = c * chunk
    const size = min(chunk, length - first)
    const row = b * length + first
    const score = scores + item * square
    // u[l, s] = scores decay(s, l); dots[l, s] = dy[l] · x[s].
    const dots = work + item * (3 * square + 2 * line + chunk * stateRow)
    const u = dots + square
    const dscores = u + square
    const m = dscores + square
    // Once u is made, m is free.
    const ds = m
    const da = m + line
    const rows = da + line
    const bRows = B + ((<usize>(row * bStride + g * stateSize)) << 2)
    const cRows = C + ((<usize>(row * cStride + g * stateSize)) << 2)
    const dBRows = dB + ((<usize>((row * groups + g) * stateSize)) << 2)
    const dCRows = dC + ((<usize>((row * groups + g) * stateSize)) << 2)
    const bcStep = groups * stateRow
    memory.fill(dscores, 0, square)
    for (let i = 0; i < size; i++) {
      memory.fill(dBRows + i * bcStep, 0, stateRow)
      memory.fill(dCRows + i * bcStep, 0, stateRow)
    }
    for (let h = g * perGroup; h < (g + 1) * perGroup; h++) {
      const s = decays + ((<usize>((b * heads + h) * length + first)) << 2)
      const e = s + plane
      const decayIn = e + plane
      const decayEnd = decayIn + plane
      const weightEnd = decayEnd + plane
      const column = h * headDim
      const xRows = x + ((<usize>(row * xStride + column)) << 2)
      const dyRows = dy + ((<usize>(row * inner + column)) << 2)
      const dxRows = dx + ((<usize>(row * inner + column)) << 2)
      const hState = states + ((b * (chunks + 1) + c) * heads + h) * stateBytes
      const hEnd = hState + heads * stateBytes
      const dh = dstates + ((b * chunks + c) * heads + h) * stateBytes

      ssdDots(dots, chunk, 0, dyRows, inner, xRows, xStride, size, size, headDim, SSD_LOWER)
      for (let l = 0; l < size; l++) {
        ssdNextRow(m, l, load<f32>(e + ((<usize>l) << 2)), 1)
        const at = l * line
        const sum = scoreRow(score + at, dots + at, m, s, u + at, dscores + at, l + 1)
        store<f32>(da + ((<usize>l) << 2), sum)
        for (let k = l + 1; k < min(l + 4, size); k++) store<f32>(u + at + ((<usize>k) << 2), 0)
      }

      ssdDots(dxRows, inner, decayEnd, bRows, bStride, dh, stateSize, size, headDim, stateSize, SSD_FULL)
      ssdAddProduct(dxRows, inner, u, 1, chunk, dyRows, inner, size, headDim, size, SSD_UPPER)
      const block = b * chunks + c
      const dDBlock = dDBlocks + ((<usize>(channelD ? block * inner + column : block * heads + h)) << 2)
      if (D) memory.fill(dDBlock, 0, channelD ? (<usize>headDim) << 2 : 4)
      for (let i = 0; i < size; i++) {
        const xRow = xRows + ((<usize>(i * xStride)) << 2)
        const dyRow = dyRows + ((<usize>(i * inner)) << 2)
        const dxRow = dxRows + ((<usize>(i * inner)) << 2)
        const at = (<usize>i) << 2
        store<f32>(ds + at, ssdDot(dxRow, xRow, headDim))
        const d = D ? D + ((<usize>(channelD ? column : h)) << 2) : 0
        finishRow(dxRow, load<f32>(s + at), dyRow, d, channelD, headDim)
        if (D) {
          if (channelD) addTimes(dDBlock, dyRow, xRow, headDim)
          else store<f32>(dDBlock, load<f32>(dDBlock) + ssdDot(dyRow, xRow, headDim))
        }
      }

      memory.fill(rows, 0, size * stateRow)
      ssdAddProduct(rows, stateSize, dyRows, inner, 1, hState, stateSize, size, stateSize, headDim, SSD_FULL)
      for (let i = 0; i < size; i++) {
        const at = (<usize>i) << 2
        const decay = load<f32>(decayIn + at)
        const cRow = cRows + ((<usize>(i * cStride)) << 2)
        store<f32>(da + at, load<f32>(da + at) + decay * ssdDot(rows + i * stateRow, cRow, stateSize))
        ssdAxpy(dCRows + i * bcStep, decay, rows + i * stateRow, stateSize)
      }
      memory.fill(rows, 0, size * stateRow)
      ssdAddProduct(rows, stateSize, xRows, xStride, 1, dh, stateSize, size, stateSize, headDim, SSD_FULL)
      for (let i = 0; i < size; i++) {
        ssdAxpy(dBRows + i * bcStep, load<f32>(weightEnd + ((<usize>i) << 2)), rows + i * stateRow, stateSize)
      }

      const a = load<f32>(A + ((<usize>h) << 2))
      const bias: f32 = deltaBias ? load<f32>(deltaBias + ((<usize>h) << 2)) : 0
      let sum = ssdDot(dh, hEnd, headDim * stateSize)
      let dA: f32 = 0
      let dDeltaBias: f32 = 0
      for (let i = size - 1; i >= 0; i--) {
        const at = (<usize>i) << 2
        const step = load<f32>(s + at)
        const direct = load<f32>(ds + at)
        sum += load<f32>(da + at) - direct * step
        if (load<f32>(e + at) == 0) sum = 0
        dA += sum * step
        const raw = load<f32>(delta + ((<usize>((row + i) * deltaStride + h)) << 2)) + bias
        const free = deltaSoftplus ? softplus1(raw) : raw
        let slope: f32 = deltaSoftplus ? sigmoid1(raw) : 1
        if (free < deltaMin || free > deltaMax) slope = 0
        const gradient = (direct + sum * a) * slope
        dDeltaBias += gradient
        store<f32>(dDelta + ((<usize>((row + i) * heads + h)) << 2), gradient)
      }
      store<f32>(dABlocks + ((<usize>(block * heads + h)) << 2), dA)
      if (dDeltaBiasBlocks) store<f32>(dDeltaBiasBlocks + ((<usize>(block * heads + h)) << 2), dDeltaBias)
    }
    const bcStride = groups * stateSize
    ssdAddProduct(dCRows, bcStride, dscores, chunk, 1, bRows, bStride, size, stateSize, size, SSD_LOWER)
    ssdAddProduct(dBRows, bcStride, dscores, 1, chunk, cRows, cStride, size, stateSize, size, SSD_UPPER)
  }
}

/** For s < count: u = scores m, d = dots m s, dscores += d; gives Σ scores d. */
function scoreRow(score: usize, dots: usize, m: usize, s: usize, u: usize, dscores: usize, count: i32): f32 {
  const lanes = (<usize>(count & ~3)) << 2
  let sums = f32x4.splat(0)
  for (let i: usize = 0; i < lanes; i += 16) {
    const decay = v128.load(m + i)
    const cb = v128.load(score + i)
    const d = f32x4.mul(f32x4.mul(v128.load(dots + i), decay), v128.load(s + i))
    v128.store(u + i, f32x4.mul(cb, decay))
    v128.store(dscores + i, f32x4.add(v128.load(dscores + i), d))
    sums = fma(cb, d, sums)
  }
  let sum = sum4(sums)
  for (let i = lanes; i < (<usize>count) << 2; i += 4) {
    const decay = load<f32>(m + i)
    const cb = load<f32>(score + i)
    const d = load<f32>(dots + i) * decay * load<f32>(s + i)
    store<f32>(u + i, cb * decay)
    store<f32>(dscores + i, load<f32>(dscores + i) + d)
    sum = fma1(cb, d, sum)
  }
  return sum
}

/** dx = s dx + D dy */
function finishRow(dx: usize, s: f32, dy: usize, D: usize, channelD: i32, width: i32): void {
  const lanes = (<usize>(width & ~3)) << 2
  for (let i: usize = 0; i < lanes; i += 16) {
    let v = f32x4.mul(f32x4.splat(s), v128.load(dx + i))
    if (D) v = fma(channelD ? v128.load(D + i) : v128.load32_splat(D), v128.load(dy + i), v)
    v128.store(dx + i, v)
  }
  for (let i = lanes; i < (<usize>width) << 2; i += 4) {
    let v = s * load<f32>(dx + i)
    if (D) v = fma1(load<f32>(channelD ? D + i : D), load<f32>(dy + i), v)
    store<f32>(dx + i, v)
  }
}

/** out [size] += a b */
function addTimes(out: usize, a: usize, b: usize, size: i32): void {
  const lanes = (<usize>(size & ~3)) << 2
  for (let i: usize = 0; i < lanes; i += 16) {
    v128.store(out + i, fma(v128.load(a + i), v128.load(b + i), v128.load(out + i)))
  }
  for (let i = lanes; i < (<usize>size) << 2; i += 4) {
    store<f32>(out + i, fma1(load<f32>(a + i), load<f32>(b + i), load<f32>(out + i)))
  }
}
