import { exp1, fma, fma1, silu1, softplus1, sum4 } from '../../../devices/wasm/kernels/math.as.ts'

/**
 * One token of `ssd`: next [B, H, P, N] from state (may be the same memory), y [B, H*P]. States stand in the
 * lanes. Items: (b, h, block of blockWidth of P).
 */
export function ssdStateUpdate(
  state: usize,
  x: usize,
  delta: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  z: usize,
  deltaBias: usize,
  y: usize,
  next: usize,
  heads: i32,
  headDim: i32,
  groups: i32,
  stateSize: i32,
  blockWidth: i32,
  channelD: i32,
  deltaSoftplus: i32,
  deltaMin: f32,
  deltaMax: f32,
  xStride: i32,
  deltaStride: i32,
  bStride: i32,
  cStride: i32,
  zStride: i32,
  begin: i32,
  end: i32,
): void {
  const blocks = (headDim + blockWidth - 1) / blockWidth
  const inner = heads * headDim
  const wide = (<usize>(stateSize & ~3)) << 2
  const all = (<usize>stateSize) << 2
  for (let item = begin; item < end; item++) {
    const p0 = (item % blocks) * blockWidth
    const h = (item / blocks) % heads
    const b = item / blocks / heads
    const g = h / (heads / groups)
    let s = load<f32>(delta + ((<usize>(b * deltaStride + h)) << 2))
    if (deltaBias) s += load<f32>(deltaBias + ((<usize>h) << 2))
    if (deltaSoftplus) s = softplus1(s)
    s = min<f32>(max<f32>(s, deltaMin), deltaMax)
    const decay = exp1(s * load<f32>(A + ((<usize>h) << 2)))
    const decay4 = f32x4.splat(decay)
    const bRow = B + ((<usize>(b * bStride + g * stateSize)) << 2)
    const cRow = C + ((<usize>(b * cStride + g * stateSize)) << 2)
    const last = min(p0 + blockWidth, headDim)
    for (let p = p0; p < last; p++) {
      const channel = h * headDim + p
      const input = load<f32>(x + ((<usize>(b * xStride + channel)) << 2))
      const scaled = s * input
      const scaled4 = f32x4.splat(scaled)
      const from = state + ((<usize>((b * inner + channel) * stateSize)) << 2)
      const to = next + ((<usize>((b * inner + channel) * stateSize)) << 2)
      let lanes = f32x4.splat(0)
      for (let n: usize = 0; n < wide; n += 16) {
        const value = fma(scaled4, v128.load(bRow + n), f32x4.mul(decay4, v128.load(from + n)))
        v128.store(to + n, value)
        lanes = fma(value, v128.load(cRow + n), lanes)
      }
      let sum = sum4(lanes)
      for (let n = wide; n < all; n += 4) {
        const value = fma1(scaled, load<f32>(bRow + n), decay * load<f32>(from + n))
        store<f32>(to + n, value)
        sum += value * load<f32>(cRow + n)
      }
      if (D) sum += load<f32>(D + ((<usize>(channelD ? channel : h)) << 2)) * input
      if (z) sum *= silu1(load<f32>(z + ((<usize>(b * zStride + channel)) << 2)))
      store<f32>(y + ((<usize>(b * inner + channel)) << 2), sum)
    }
  }
}
