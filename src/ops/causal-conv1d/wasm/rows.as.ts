/** Sums over taps, of one token or of four together: what forward and backward share. */
import { fma, fma1 } from '../../../devices/wasm/kernels/math.as'

/** The row that tap `age` of token t reads: of x, of the initial window, or zeros. */
export function causalConv1dRow(
  x: usize,
  edge: usize,
  windowed: i32,
  reset: usize,
  length: i32,
  channels: i32,
  taps: i32,
  xStride: i32,
  b: i32,
  t: i32,
  age: i32,
): usize {
  if (age >= taps) return edge
  const s = t - age
  if (reset != 0) {
    for (let i = max<i32>(0, s + 1); i <= t; i++)
      if (load<i32>(reset + ((b * length + i) << 2)) != 0) return edge
  }
  if (s >= 0) return x + ((<usize>(b * length + s) * <usize>xStride) << 2)
  return windowed ? edge + (((1 + b * (taps - 1) + s + taps - 1) * channels) << 2) : edge
}

/**
 * Whether the four tokens from t on read with four taps, none of them before the first token or over a reset.
 */
export function causalConv1dPlain(reset: usize, length: i32, taps: i32, b: i32, t: i32, count: i32): bool {
  if (count < 4 || taps != 4 || t < 3) return false
  if (reset == 0) return true
  for (let i = t - 2; i < t + 4; i++) if (load<i32>(reset + ((b * length + i) << 2)) != 0) return false
  return true
}

/**
 * out [count, C], rows C words apart = bias + sum over ages of byTap[age] x[t - age], for the tokens from t
 * on and the channels from `from` to `to`. Of four plain tokens together, so that weights are loaded once.
 */
export function causalConv1dRows(
  x: usize,
  byTap: usize,
  bias: usize,
  edge: usize,
  windowed: i32,
  reset: usize,
  out: usize,
  length: i32,
  channels: i32,
  taps: i32,
  xStride: i32,
  b: i32,
  t: i32,
  count: i32,
  from: i32,
  to: i32,
): void {
  const w = (<usize>channels) << 2
  let single = from
  if (causalConv1dPlain(reset, length, taps, b, t, count)) {
    single = from + ((to - from) & ~7)
    const x0 = x + ((<usize>(b * length + t) * <usize>xStride) << 2)
    const step = (<usize>xStride) << 2
    causalConv1dFour(x0, step, 0 - step, byTap, bias, out, w, (<usize>from) << 2, (<usize>single) << 2)
  }
  for (let k = 0; k < count && single < to; k++) {
    const row = out + <usize>k * w
    const wide = single + ((to - single) & ~3)
    for (let c = single; c < wide; c += 4) {
      const i = (<usize>c) << 2
      v128.store(row + i, bias != 0 ? v128.load(bias + i) : f32x4.splat(0))
    }
    for (let c = wide; c < to; c++) {
      const i = (<usize>c) << 2
      store<f32>(row + i, bias != 0 ? load<f32>(bias + i) : 0)
    }
    for (let age = 0; age < taps; age++) {
      const at = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t + k, age)
      const weights = byTap + <usize>age * w
      for (let c = single; c < wide; c += 4) {
        const i = (<usize>c) << 2
        v128.store(row + i, fma(v128.load(weights + i), v128.load(at + i), v128.load(row + i)))
      }
      for (let c = wide; c < to; c++) {
        const i = (<usize>c) << 2
        store<f32>(row + i, fma1(load<f32>(weights + i), load<f32>(at + i), load<f32>(row + i)))
      }
    }
  }
}

/**
 * out = bias + Σ byTap[age] x[age] of four tokens and four taps, eight channels at a time, from byte `from`
 * to `to`. Rows of x are `step` bytes apart from token to token and `ageStep` from age to age, those of out
 * and byTap w bytes.
 */
export function causalConv1dFour(
  x: usize,
  step: usize,
  ageStep: usize,
  byTap: usize,
  bias: usize,
  out: usize,
  w: usize,
  from: usize,
  to: usize,
): void {
  for (let i = from; i < to; i += 32) {
    let y00 = bias != 0 ? v128.load(bias + i) : f32x4.splat(0)
    let y01 = bias != 0 ? v128.load(bias + i, 16) : f32x4.splat(0)
    let y10 = y00
    let y11 = y01
    let y20 = y00
    let y21 = y01
    let y30 = y00
    let y31 = y01
    let weights = byTap + i
    let at = x + i
    for (let age = 0; age < 4; age++, weights += w, at += ageStep) {
      const w0 = v128.load(weights)
      const w1 = v128.load(weights, 16)
      y00 = fma(w0, v128.load(at), y00)
      y01 = fma(w1, v128.load(at, 16), y01)
      let next = at + step
      y10 = fma(w0, v128.load(next), y10)
      y11 = fma(w1, v128.load(next, 16), y11)
      next += step
      y20 = fma(w0, v128.load(next), y20)
      y21 = fma(w1, v128.load(next, 16), y21)
      next += step
      y30 = fma(w0, v128.load(next), y30)
      y31 = fma(w1, v128.load(next, 16), y31)
    }
    let row = out + i
    v128.store(row, y00)
    v128.store(row, y01, 16)
    row += w
    v128.store(row, y10)
    v128.store(row, y11, 16)
    row += w
    v128.store(row, y20)
    v128.store(row, y21, 16)
    row += w
    v128.store(row, y30)
    v128.store(row, y31, 16)
  }
}
