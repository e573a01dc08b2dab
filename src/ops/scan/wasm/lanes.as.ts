import { fma } from '../../../devices/wasm/kernels/math.as'

/*
 * Four neighbouring channels stand in the four lanes. A channel block is `width` channels of one group; per
 * block, values by channel and state are [quads, N] vectors, so that all loads but the first ones are
 * contiguous, for any N.
 */

export const LOG2E: f32 = 1.44269504
/** Bytes of a vector. */
export const V: usize = 16

/**
 * 2^x, x within [-126, 126], 0.7 ulp: x is split into an integer and a rest of at most 1/2. NaN passes
 * through.
 */
export function scanExp2(x: v128): v128 {
  const c = f32x4.pmin(f32x4.pmax(x, f32x4.splat(-126)), f32x4.splat(126))
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const magic = f32x4.splat(12582912)
  const t = f32x4.add(c, magic)
  const f = f32x4.sub(c, f32x4.sub(t, magic))
  let p = fma(f32x4.splat(0.00132647262), f, f32x4.splat(0.009671513))
  p = fma(p, f, f32x4.splat(0.0555073359))
  p = fma(p, f, f32x4.splat(0.240222424))
  p = fma(p, f, f32x4.splat(0.693147004))
  p = fma(p, f, f32x4.splat(1))
  return i32x4.add(p, i32x4.shl(t, 23))
}

/** Up to four floats `stride` words apart; zeros in the other lanes. */
export function scanGather(from: usize, stride: i32, lanes: i32): v128 {
  let x = f32x4.splat(0)
  const step = (<usize>stride) << 2
  x = f32x4.replace_lane(x, 0, load<f32>(from))
  if (lanes > 1) x = f32x4.replace_lane(x, 1, load<f32>(from + step))
  if (lanes > 2) x = f32x4.replace_lane(x, 2, load<f32>(from + 2 * step))
  if (lanes > 3) x = f32x4.replace_lane(x, 3, load<f32>(from + 3 * step))
  return x
}

export function scanScatter(to: usize, stride: i32, lanes: i32, x: v128): void {
  const step = (<usize>stride) << 2
  store<f32>(to, f32x4.extract_lane(x, 0))
  if (lanes > 1) store<f32>(to + step, f32x4.extract_lane(x, 1))
  if (lanes > 2) store<f32>(to + 2 * step, f32x4.extract_lane(x, 2))
  if (lanes > 3) store<f32>(to + 3 * step, f32x4.extract_lane(x, 3))
}

export function scanLoad(from: usize, lanes: i32): v128 {
  return lanes == 4 ? v128.load(from) : scanGather(from, 1, lanes)
}

export function scanStore(to: usize, lanes: i32, x: v128): void {
  if (lanes == 4) v128.store(to, x)
  else scanScatter(to, 1, lanes, x)
}

/** [channels, N] to [quads, N] vectors, times `factor`. */
export function scanArrange(from: usize, to: usize, channels: i32, stateSize: i32, factor: f32): void {
  for (let q = 0; q < channels; q += 4) {
    for (let n = 0; n < stateSize; n++) {
      const x = scanGather(from + ((<usize>(q * stateSize + n)) << 2), stateSize, min<i32>(4, channels - q))
      v128.store(to, f32x4.mul(x, f32x4.splat(factor)))
      to += V
    }
  }
}

/** State n of B or C: one number for all channels, or (`wide`) a vector. */
export function scanState(from: usize, n: i32, wide: bool): v128 {
  return wide ? v128.load(from + ((<usize>n) << 4)) : v128.load32_splat(from + ((<usize>n) << 2))
}
