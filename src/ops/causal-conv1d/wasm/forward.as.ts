import { silu1, silu4 } from '../../../devices/wasm/kernels/math.as'
import { causalConv1dRows } from './rows.as'

/**
 * byTap [K, C]: weight [C, K] by age of the input, newest first. edge [1 + B (K-1), C]: a row of zeros, then
 * the initial window [B, C, K-1] by token. Items: channels.
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

/** y [B, L, C] = act(bias + sum over ages of byTap[age] x[t - age]). Items: four tokens, [B, L / 4]. */
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
  const fours = (length + 3) / 4
  for (let item = begin; item < end; item++) {
    const b = item / fours
    const t = (item % fours) * 4
    const count = min<i32>(4, length - t)
    const out = y + <usize>(b * length + t) * w
    causalConv1dRows(
      x,
      byTap,
      bias,
      edge,
      windowed,
      reset,
      out,
      length,
      channels,
      taps,
      xStride,
      b,
      t,
      count,
      0,
      channels,
    )
    if (!silu) continue
    const size = <usize>count * w
    let i: usize = 0
    for (; i + 32 <= size; i += 32) {
      const at = out + i
      const y0 = silu4(v128.load(at))
      const y1 = silu4(v128.load(at, 16))
      v128.store(at, y0)
      v128.store(at, y1, 16)
    }
    for (; i < size; i += 4) store<f32>(out + i, silu1(load<f32>(out + i)))
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
