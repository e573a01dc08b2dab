import { fma, fma1, silu1, silu4 } from '../../devices/wasm/kernels/math.as'

/**
 * byTap [K, C]: weight [C, K] by age of the input, newest first. edge [1 + B (K-1), C]: a row of zeros, then the initial
 * window [B, C, K-1] by token. Items: channels.
 */
export function causalConv1dArrange(
  weight: usize,
  initialWindow: usize,
  byTap: usize,
  edge: usize,
  batch: i32,
  channels: i32,
  taps: i32,
  begin: i32,
  end: i32,
): void {
  const before = taps - 1
  for (let c = begin; c < end; c++) {
    for (let age = 0; age < taps; age++) {
      store<f32>(byTap + ((age * channels + c) << 2), load<f32>(weight + ((c * taps + before - age) << 2)))
    }
    store<f32>(edge + (c << 2), 0)
    if (initialWindow == 0) continue
    for (let b = 0; b < batch; b++) {
      for (let j = 0; j < before; j++) {
        const value = load<f32>(initialWindow + (((b * channels + c) * before + j) << 2))
        store<f32>(edge + (((1 + b * before + j) * channels + c) << 2), value)
      }
    }
  }
}

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

/** y [B, L, C] = act(bias + sum over ages of byTap[age] x[t - age]). Items: tokens. */
export function causalConv1dForward(
  x: usize,
  byTap: usize,
  bias: usize,
  edge: usize,
  windowed: i32,
  reset: usize,
  y: usize,
  length: i32,
  channels: i32,
  taps: i32,
  xStride: i32,
  silu: i32,
  begin: i32,
  end: i32,
): void {
  const w = (<usize>channels) << 2
  for (let row = begin; row < end; row++) {
    const b = row / length
    const t = row % length
    const x0 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 0)
    const x1 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 1)
    const x2 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 2)
    const x3 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 3)
    const out = y + <usize>row * w
    const wide = channels & ~3
    for (let c = 0; c < wide; c += 4) {
      const i = (<usize>c) << 2
      let pre = bias != 0 ? v128.load(bias + i) : f32x4.splat(0)
      pre = fma(v128.load(byTap + i), v128.load(x0 + i), pre)
      if (taps > 1) pre = fma(v128.load(byTap + w + i), v128.load(x1 + i), pre)
      if (taps > 2) pre = fma(v128.load(byTap + 2 * w + i), v128.load(x2 + i), pre)
      if (taps > 3) pre = fma(v128.load(byTap + 3 * w + i), v128.load(x3 + i), pre)
      if (taps > 4) {
        for (let age = 4; age < taps; age++) {
          const from = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, age)
          pre = fma(v128.load(byTap + <usize>age * w + i), v128.load(from + i), pre)
        }
      }
      v128.store(out + i, silu ? silu4(pre) : pre)
    }
    for (let c = wide; c < channels; c++) {
      const i = (<usize>c) << 2
      let pre: f32 = bias != 0 ? load<f32>(bias + i) : 0
      for (let age = 0; age < taps; age++) {
        const from = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, age)
        pre = fma1(load<f32>(byTap + <usize>age * w + i), load<f32>(from + i), pre)
      }
      store<f32>(out + i, silu ? silu1(pre) : pre)
    }
  }
}

/** finalWindow [B, C, K-1]: the last inputs. Items: sequences and channels, [B, C]. */
export function causalConv1dFinalWindow(
  x: usize,
  initialWindow: usize,
  finalWindow: usize,
  length: i32,
  channels: i32,
  taps: i32,
  xStride: i32,
  begin: i32,
  end: i32,
): void {
  const before = taps - 1
  for (let i = begin; i < end; i++) {
    for (let j = 0; j < before; j++) {
      const s = length - before + j
      let value: f32 = 0
      if (s >= 0) {
        value = load<f32>(
          x + ((<usize>((i / channels) * length + s) * <usize>xStride + <usize>(i % channels)) << 2),
        )
      } else if (initialWindow != 0) {
        value = load<f32>(initialWindow + ((<usize>(i * before + s + before)) << 2))
      }
      store<f32>(finalWindow + ((<usize>(i * before + j)) << 2), value)
    }
  }
}

/** One token: y = act(bias + sum over k of weight[k] inputs[k]); the window moves on. Items: [B, C]. */
export function causalConv1dUpdate(
  window: usize,
  x: usize,
  weight: usize,
  bias: usize,
  y: usize,
  channels: i32,
  taps: i32,
  xStride: i32,
  silu: i32,
  begin: i32,
  end: i32,
): void {
  const before = taps - 1
  for (let i = begin; i < end; i++) {
    const c = i % channels
    const input = load<f32>(x + ((<usize>(i / channels) * <usize>xStride + <usize>c) << 2))
    const inputs = window + ((<usize>(i * before)) << 2)
    const weights = weight + ((<usize>(c * taps)) << 2)
    let pre: f32 = bias != 0 ? load<f32>(bias + ((<usize>c) << 2)) : 0
    for (let k = 0; k < before; k++) {
      pre += load<f32>(weights + (k << 2)) * load<f32>(inputs + (k << 2))
      store<f32>(inputs + (k << 2), k + 1 < before ? load<f32>(inputs + ((k + 1) << 2)) : input)
    }
    pre += load<f32>(weights + (before << 2)) * input
    store<f32>(y + ((<usize>i) << 2), pre)
  }
  if (!silu) return
  let i = begin
  for (; i + 4 <= end; i += 4) v128.store(y + ((<usize>i) << 2), silu4(v128.load(y + ((<usize>i) << 2))))
  for (; i < end; i++) store<f32>(y + ((<usize>i) << 2), silu1(load<f32>(y + ((<usize>i) << 2))))
}
