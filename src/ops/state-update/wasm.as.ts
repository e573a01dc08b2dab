import { exp1, exp4, fma, fma1, silu1, softplus1, sum4 } from '../../devices/wasm/kernels/math.as'

/**
 * One token of the selective scan: next [B, E, N] from state (may be the same memory), y [B, E]. States stand in the lanes.
 * Items: channels, [B, E].
 */
export function selectiveStateUpdate(
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
  inner: i32,
  states: i32,
  groups: i32,
  bStride: i32,
  cStride: i32,
  zStride: i32,
  softplus: i32,
  begin: i32,
  end: i32,
): void {
  const wide = states & ~3
  for (let i = begin; i < end; i++) {
    const b = i / inner
    const e = i % inner
    const group = e / (inner / groups)
    let dt = load<f32>(delta + ((<usize>i) << 2))
    if (deltaBias != 0) dt += load<f32>(deltaBias + ((<usize>e) << 2))
    if (softplus) dt = softplus1(dt)
    const input = load<f32>(x + ((<usize>i) << 2))
    const scaled = dt * input
    const a = A + ((<usize>(e * states)) << 2)
    const h = state + ((<usize>(i * states)) << 2)
    const out = next + ((<usize>(i * states)) << 2)
    const bRow = B + ((<usize>b * <usize>bStride + <usize>(group * states)) << 2)
    const cRow = C + ((<usize>b * <usize>cStride + <usize>(group * states)) << 2)
    let lanes = f32x4.splat(0)
    for (let n = 0; n < wide; n += 4) {
      const at = (<usize>n) << 2
      const decay = exp4(f32x4.mul(f32x4.splat(dt), v128.load(a + at)))
      const hn = fma(f32x4.splat(scaled), v128.load(bRow + at), f32x4.mul(decay, v128.load(h + at)))
      v128.store(out + at, hn)
      lanes = fma(hn, v128.load(cRow + at), lanes)
    }
    let sum = sum4(lanes)
    for (let n = wide; n < states; n++) {
      const at = (<usize>n) << 2
      const hn = fma1(scaled, load<f32>(bRow + at), exp1(dt * load<f32>(a + at)) * load<f32>(h + at))
      store<f32>(out + at, hn)
      sum += hn * load<f32>(cRow + at)
    }
    if (D != 0) sum += load<f32>(D + ((<usize>e) << 2)) * input
    if (z != 0) sum *= silu1(load<f32>(z + ((<usize>b * <usize>zStride + <usize>e) << 2)))
    store<f32>(y + ((<usize>i) << 2), sum)
  }
}
