import { fma, fma1, silu4, softplus4, sum4 } from '../../../devices/wasm/kernels/math.as'
import { LOG2E, scanExp2, scanLoad, scanStore } from '../wasm/lanes.as'

/**
 * One token of the selective scan: next [B, E, N] from state (may be the same memory), y [B, E]. Four
 * channels at a time: their steps and gates stand in four lanes, then the states of each. Items: quads of
 * channels, [B, ceil(E / 4)].
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
  stateSize: i32,
  groups: i32,
  bStride: i32,
  cStride: i32,
  zStride: i32,
  softplus: i32,
  begin: i32,
  end: i32,
): void {
  const quads = (inner + 3) >> 2
  const perGroup = inner / groups
  const row = (<usize>stateSize) << 2
  for (let item = begin; item < end; item++) {
    const b = item / quads
    const e = (item % quads) << 2
    const lanes = min<i32>(4, inner - e)
    const i = <usize>(b * inner + e)
    let dt = scanLoad(delta + (i << 2), lanes)
    if (deltaBias != 0) dt = f32x4.add(dt, scanLoad(deltaBias + ((<usize>e) << 2), lanes))
    if (softplus) dt = softplus4(dt)
    const input = scanLoad(x + (i << 2), lanes)
    const scaled = f32x4.mul(dt, input)
    const power = f32x4.mul(dt, f32x4.splat(LOG2E))
    let sum = D != 0 ? f32x4.mul(scanLoad(D + ((<usize>e) << 2), lanes), input) : f32x4.splat(0)

    const a = A + <usize>e * row
    const h = state + i * row
    const out = next + i * row
    const bRow = B + ((<usize>(b * bStride)) << 2)
    const cRow = C + ((<usize>(b * cStride)) << 2)
    let parts = f32x4.splat(0)
    for (let lane = 0; lane < lanes; lane++) {
      const step = <usize>lane * row
      const column = <usize>((e + lane) / perGroup) * row
      const part = channel(
        h + step,
        out + step,
        a + step,
        bRow + column,
        cRow + column,
        stateSize,
        lane,
        power,
        scaled,
      )
      parts = v128.bitselect(f32x4.splat(part), parts, laneMask(lane))
    }
    sum = f32x4.add(sum, parts)
    if (z != 0) sum = f32x4.mul(sum, silu4(scanLoad(z + ((<usize>(b * zStride + e)) << 2), lanes)))
    scanStore(y + (i << 2), lanes, sum)
  }
}

function laneMask(lane: i32): v128 {
  return i32x4.eq(i32x4(0, 1, 2, 3), i32x4.splat(lane))
}

/** Lane `lane` of x in all lanes. */
function broadcast(x: v128, lane: i32): v128 {
  if (lane == 0) return f32x4.splat(f32x4.extract_lane(x, 0))
  if (lane == 1) return f32x4.splat(f32x4.extract_lane(x, 1))
  if (lane == 2) return f32x4.splat(f32x4.extract_lane(x, 2))
  return f32x4.splat(f32x4.extract_lane(x, 3))
}

/** The states of one channel; gives the sum of C h. */
function channel(
  h: usize,
  out: usize,
  a: usize,
  B: usize,
  C: usize,
  stateSize: i32,
  lane: i32,
  powers: v128,
  scales: v128,
): f32 {
  const power = broadcast(powers, lane)
  const scale = broadcast(scales, lane)
  const wide = stateSize & ~3
  let lanes = f32x4.splat(0)
  for (let n = 0; n < wide; n += 4) {
    const at = (<usize>n) << 2
    const decay = scanExp2(f32x4.mul(power, v128.load(a + at)))
    const hn = fma(scale, v128.load(B + at), f32x4.mul(decay, v128.load(h + at)))
    v128.store(out + at, hn)
    lanes = fma(hn, v128.load(C + at), lanes)
  }
  let sum = sum4(lanes)
  for (let n = wide; n < stateSize; n++) {
    const at = (<usize>n) << 2
    const decay = f32x4.extract_lane(scanExp2(f32x4.mul(power, f32x4.splat(load<f32>(a + at)))), 0)
    const hn = fma1(f32x4.extract_lane(scale, 0), load<f32>(B + at), decay * load<f32>(h + at))
    store<f32>(out + at, hn)
    sum = fma1(hn, load<f32>(C + at), sum)
  }
  return sum
}
