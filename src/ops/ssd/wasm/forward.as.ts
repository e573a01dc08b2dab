/**
 * The forward pass. Decay planes: `decays` is five planes [B, H, L]: s, e = exp(s A) (0 at a reset), the
 * product of e from the chunk's start to t, that after t to the chunk's end, and this times s.
 */
import { exp4, fma, fma1, silu1, silu4, softplus4 } from '../../../devices/wasm/kernels/math.as.ts'
import { ssdOuter } from './outer.as.ts'
import { SSD_FULL, SSD_LOWER, ssdAddProduct, ssdDots } from './tiles.as.ts'

/** Items: (b, chunk, h), h fastest. delta [B, L, H], rows deltaStride apart. */
export function ssdDecays(
  delta: usize,
  deltaBias: usize,
  A: usize,
  reset: usize,
  decays: usize,
  batch: i32,
  length: i32,
  heads: i32,
  chunk: i32,
  deltaStride: i32,
  deltaSoftplus: i32,
  deltaMin: f32,
  deltaMax: f32,
  begin: i32,
  end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk
  const plane = (<usize>(batch * heads * length)) << 2
  for (let item = begin; item < end; item++) {
    const h = item % heads
    const c = (item / heads) % chunks
    const b = item / heads / chunks
    const first = c * chunk
    const size = min(chunk, length - first)
    const at = decays + ((<usize>((b * heads + h) * length + first)) << 2)
    const bias: f32 = deltaBias ? load<f32>(deltaBias + ((<usize>h) << 2)) : 0
    const a = load<f32>(A + ((<usize>h) << 2))
    const raw = delta + ((<usize>((b * length + first) * deltaStride + h)) << 2)
    const step = (<usize>deltaStride) << 2
    for (let i = 0; i < size; i += 4) {
      const count = min(4, size - i)
      let v = v128.load32_splat(raw + i * step)
      if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(raw + (i + 1) * step))
      if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(raw + (i + 2) * step))
      if (count > 3) v = f32x4.replace_lane(v, 3, load<f32>(raw + (i + 3) * step))
      v = f32x4.add(v, f32x4.splat(bias))
      if (deltaSoftplus) v = softplus4(v)
      v = f32x4.min(f32x4.max(v, f32x4.splat(deltaMin)), f32x4.splat(deltaMax))
      storeLanes(at + ((<usize>i) << 2), v, count)
      storeLanes(at + plane + ((<usize>i) << 2), exp4(f32x4.mul(v, f32x4.splat(a))), count)
    }
    const e = at + plane
    if (reset) {
      const starts = reset + ((<usize>(b * length + first)) << 2)
      for (let i = 0; i < size; i++) {
        if (load<i32>(starts + ((<usize>i) << 2)) != 0) store<f32>(e + ((<usize>i) << 2), 0)
      }
    }
    let product: f32 = 1
    for (let i = 0; i < size; i++) {
      product *= load<f32>(e + ((<usize>i) << 2))
      store<f32>(at + 2 * plane + ((<usize>i) << 2), product)
    }
    product = 1
    for (let i = size - 1; i >= 0; i--) {
      store<f32>(at + 3 * plane + ((<usize>i) << 2), product)
      store<f32>(at + 4 * plane + ((<usize>i) << 2), product * load<f32>(at + ((<usize>i) << 2)))
      product *= load<f32>(e + ((<usize>i) << 2))
    }
  }
}

function storeLanes(p: usize, v: v128, count: i32): void {
  if (count == 4) {
    v128.store(p, v)
    return
  }
  store<f32>(p, f32x4.extract_lane(v, 0))
  if (count > 1) store<f32>(p, f32x4.extract_lane(v, 1), 4)
  if (count > 2) store<f32>(p, f32x4.extract_lane(v, 2), 8)
}

/** scores [B, chunks, G, Q, Q] = C[l] · B[s], for s <= l. Items: (b, chunk, g). */
export function ssdScores(
  B: usize,
  C: usize,
  scores: usize,
  length: i32,
  groups: i32,
  stateSize: i32,
  chunk: i32,
  bStride: i32,
  cStride: i32,
  begin: i32,
  end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk
  for (let item = begin; item < end; item++) {
    const g = item % groups
    const c = (item / groups) % chunks
    const row = (item / groups / chunks) * length + c * chunk
    const size = min(chunk, length - c * chunk)
    const out = scores + ((<usize>(item * chunk * chunk)) << 2)
    const bRows = B + ((<usize>(row * bStride + g * stateSize)) << 2)
    const cRows = C + ((<usize>(row * cStride + g * stateSize)) << 2)
    ssdDots(out, chunk, 0, cRows, cStride, bRows, bStride, size, size, stateSize, SSD_LOWER)
  }
}

/** m[s] = Π e over (s, l], times `last` at s = l, from the same of row l - 1. */
export function ssdNextRow(m: usize, l: i32, e: f32, last: f32): void {
  const lanes = l & ~3
  const factor = f32x4.splat(e)
  for (let s = 0; s < lanes; s += 4) {
    const p = m + ((<usize>s) << 2)
    v128.store(p, f32x4.mul(v128.load(p), factor))
  }
  for (let s = lanes; s < l; s++) {
    const p = m + ((<usize>s) << 2)
    store<f32>(p, load<f32>(p) * e)
  }
  store<f32>(m + ((<usize>l) << 2), last)
}

/** out [size] = a b */
export function ssdTimes(out: usize, a: usize, b: usize, size: i32): void {
  const lanes = size & ~3
  for (let i: usize = 0; i < (<usize>lanes) << 2; i += 16) {
    v128.store(out + i, f32x4.mul(v128.load(a + i), v128.load(b + i)))
  }
  for (let i: usize = (<usize>lanes) << 2; i < (<usize>size) << 2; i += 4) {
    store<f32>(out + i, load<f32>(a + i) * load<f32>(b + i))
  }
}

/**
 * y[l] = decayIn[l] h C[l] + Σ_{s <= l} scores[l, s] (Π e over (s, l]) s[s] x[s], plus D x, times silu(z);
 * then the state h goes on by a chunk. It stays in the cache: finalState [B, H, P, N] is where it lives.
 * rows: scratch of 5 Q an item. Items: (b, h, block of blockWidth of P).
 */
export function ssdForward(
  x: usize,
  B: usize,
  C: usize,
  D: usize,
  z: usize,
  initialState: usize,
  decays: usize,
  scores: usize,
  rows: usize,
  y: usize,
  finalState: usize,
  batch: i32,
  length: i32,
  heads: i32,
  headDim: i32,
  groups: i32,
  stateSize: i32,
  chunk: i32,
  blockWidth: i32,
  channelD: i32,
  xStride: i32,
  bStride: i32,
  cStride: i32,
  zStride: i32,
  begin: i32,
  end: i32,
): void {
  const chunks = (length + chunk - 1) / chunk
  const blocks = (headDim + blockWidth - 1) / blockWidth
  const inner = heads * headDim
  const plane = (<usize>(batch * heads * length)) << 2
  for (let item = begin; item < end; item++) {
    const p0 = (item % blocks) * blockWidth
    const width = min(blockWidth, headDim - p0)
    const h = (item / blocks) % heads
    const b = item / blocks / heads
    const g = h / (heads / groups)
    const column = h * headDim + p0
    const m = rows + ((<usize>(item * 5 * chunk)) << 2)
    const weights = m + ((<usize>chunk) << 2)
    const stateAt = (<usize>(((b * heads + h) * headDim + p0) * stateSize)) << 2
    const hState = finalState + stateAt
    if (initialState) memory.copy(hState, initialState + stateAt, (<usize>(width * stateSize)) << 2)
    else memory.fill(hState, 0, (<usize>(width * stateSize)) << 2)
    for (let c = 0; c < chunks; c++) {
      const first = c * chunk
      const size = min(chunk, length - first)
      const row = b * length + first
      const s = decays + ((<usize>((b * heads + h) * length + first)) << 2)
      const e = s + plane
      const xRows = x + ((<usize>(row * xStride + column)) << 2)
      const zRows = z + ((<usize>(row * zStride + column)) << 2)
      const yRows = y + ((<usize>(row * inner + column)) << 2)
      const bRows = B + ((<usize>(row * bStride + g * stateSize)) << 2)
      const cRows = C + ((<usize>(row * cStride + g * stateSize)) << 2)
      const score = scores + ((<usize>(((b * chunks + c) * groups + g) * chunk * chunk)) << 2)
      for (let l = 0; l < size; l += 4) {
        const count = min(4, size - l)
        const yTile = yRows + ((<usize>(l * inner)) << 2)
        const decayIn = e + plane + ((<usize>l) << 2)
        const cTile = cRows + ((<usize>(l * cStride)) << 2)
        ssdDots(yTile, inner, decayIn, cTile, cStride, hState, stateSize, count, width, stateSize, SSD_FULL)
        for (let r = 0; r < count; r++) {
          const i = l + r
          ssdNextRow(m, i, load<f32>(e + ((<usize>i) << 2)), load<f32>(s + ((<usize>i) << 2)))
          const weight = weights + ((<usize>(r * chunk)) << 2)
          ssdTimes(weight, score + ((<usize>(i * chunk)) << 2), m, i + 1)
          for (let k = i + 1; k < l + count; k++) store<f32>(weight + ((<usize>k) << 2), 0)
        }
        ssdAddProduct(yTile, inner, weights, chunk, 1, xRows, xStride, count, width, l + count, SSD_FULL)
        if (D || z) {
          for (let i = l; i < l + count; i++) {
            const d = D + ((<usize>(channelD ? column : h)) << 2)
            const xRow = xRows + ((<usize>(i * xStride)) << 2)
            finishRow(
              yRows + ((<usize>(i * inner)) << 2),
              xRow,
              D ? d : 0,
              channelD,
              z ? zRows + ((<usize>(i * zStride)) << 2) : 0,
              width,
            )
          }
        }
      }
      const through = load<f32>(e + plane + ((<usize>(size - 1)) << 2))
      ssdOuter(hState, hState, through, s + 4 * plane, xRows, xStride, bRows, bStride, width, stateSize, size)
    }
  }
}

/** y = (y + D x) silu(z) */
function finishRow(y: usize, x: usize, D: usize, channelD: i32, z: usize, width: i32): void {
  const lanes = width & ~3
  for (let i: usize = 0; i < (<usize>lanes) << 2; i += 16) {
    let v = v128.load(y + i)
    if (D) v = fma(channelD ? v128.load(D + i) : v128.load32_splat(D), v128.load(x + i), v)
    if (z) v = f32x4.mul(v, silu4(v128.load(z + i)))
    v128.store(y + i, v)
  }
  for (let i: usize = (<usize>lanes) << 2; i < (<usize>width) << 2; i += 4) {
    let v = load<f32>(y + i)
    if (D) v = fma1(load<f32>(channelD ? D + i : D), load<f32>(x + i), v)
    if (z) v *= silu1(load<f32>(z + i))
    store<f32>(y + i, v)
  }
}
