import { fma, siluGrad1, siluGrad4 } from '../../devices/wasm/kernels/math.as'
import { causalConv1dRow } from './wasm.as'

/** Channels that are done over a tile of tokens before the next ones, so that they stay in the first cache. */
const BLOCK: i32 = 256

/**
 * dpre [B, L, C], the gradient before the activation, and partials [B, tiles, K + 1, C]: sums over the tokens of a tile of
 * dpre x[t - age], and of dpre. Items: tiles of `tile` tokens, [B, tiles].
 */
export function causalConv1dBackwardTokens(
  x: usize,
  byTap: usize,
  bias: usize,
  edge: usize,
  windowed: i32,
  reset: usize,
  dy: usize,
  dpre: usize,
  partials: usize,
  length: i32,
  channels: i32,
  taps: i32,
  xStride: i32,
  silu: i32,
  tile: i32,
  begin: i32,
  end: i32,
): void {
  const w = (<usize>channels) << 2
  const tiles = (length + tile - 1) / tile
  for (let item = begin; item < end; item++) {
    const b = item / tiles
    const first = (item % tiles) * tile
    const last = min<i32>(length, first + tile)
    const sums = partials + <usize>item * <usize>(taps + 1) * w
    memory.fill(sums, 0, <usize>(taps + 1) * w)
    for (let block = 0; block < channels; block += BLOCK) {
      const blockEnd = min<i32>(channels, block + BLOCK)
      const wide = block + ((blockEnd - block) & ~3)
      for (let t = first; t < last; t++) {
        const row = <usize>(b * length + t) * w
        const x0 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 0)
        const x1 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 1)
        const x2 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 2)
        const x3 = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, 3)
        for (let c = block; c < wide; c += 4) {
          const i = (<usize>c) << 2
          let d = v128.load(dy + row + i)
          if (silu) {
            let pre = bias != 0 ? v128.load(bias + i) : f32x4.splat(0)
            pre = fma(v128.load(byTap + i), v128.load(x0 + i), pre)
            if (taps > 1) pre = fma(v128.load(byTap + w + i), v128.load(x1 + i), pre)
            if (taps > 2) pre = fma(v128.load(byTap + 2 * w + i), v128.load(x2 + i), pre)
            if (taps > 3) pre = fma(v128.load(byTap + 3 * w + i), v128.load(x3 + i), pre)
            for (let age = 4; age < taps; age++) {
              const from = causalConv1dRow(
                x,
                edge,
                windowed,
                reset,
                length,
                channels,
                taps,
                xStride,
                b,
                t,
                age,
              )
              pre = fma(v128.load(byTap + <usize>age * w + i), v128.load(from + i), pre)
            }
            d = f32x4.mul(d, siluGrad4(pre))
          }
          v128.store(dpre + row + i, d)
          addProduct(sums + i, d, x0 + i)
          if (taps > 1) addProduct(sums + w + i, d, x1 + i)
          if (taps > 2) addProduct(sums + 2 * w + i, d, x2 + i)
          if (taps > 3) addProduct(sums + 3 * w + i, d, x3 + i)
          for (let age = 4; age < taps; age++) {
            const from = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, age)
            addProduct(sums + <usize>age * w + i, d, from + i)
          }
          const total = sums + <usize>taps * w + i
          v128.store(total, f32x4.add(v128.load(total), d))
        }
        for (let c = wide; c < blockEnd; c++) {
          const i = (<usize>c) << 2
          let pre: f32 = bias != 0 ? load<f32>(bias + i) : 0
          for (let age = 0; age < taps; age++) {
            const from = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, age)
            pre += load<f32>(byTap + <usize>age * w + i) * load<f32>(from + i)
          }
          const d = load<f32>(dy + row + i) * (silu ? siluGrad1(pre) : 1)
          store<f32>(dpre + row + i, d)
          for (let age = 0; age < taps; age++) {
            const from = causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t, age)
            const sum = sums + <usize>age * w + i
            store<f32>(sum, load<f32>(sum) + d * load<f32>(from + i))
          }
          const total = sums + <usize>taps * w + i
          store<f32>(total, load<f32>(total) + d)
        }
      }
    }
  }
}

function addProduct(sum: usize, d: v128, x: usize): void {
  v128.store(sum, fma(d, v128.load(x), v128.load(sum)))
}

/** dweight [C, K] and dbias [C] from the partials of all tiles, in their order. Items: channels. */
export function causalConv1dBackwardSums(
  partials: usize,
  dweight: usize,
  dbias: usize,
  tiles: i32,
  channels: i32,
  taps: i32,
  begin: i32,
  end: i32,
): void {
  for (let c = begin; c < end; c++) {
    for (let age = 0; age <= taps; age++) {
      let sum: f32 = 0
      for (let tile = 0; tile < tiles; tile++) {
        sum += load<f32>(partials + ((<usize>((tile * (taps + 1) + age) * channels + c)) << 2))
      }
      if (age < taps) store<f32>(dweight + ((c * taps + taps - 1 - age) << 2), sum)
      else if (dbias != 0) store<f32>(dbias + (c << 2), sum)
    }
  }
}

/** dx [B, L, C] = sum over ages of byTap[age] dpre[t + age], and of the final window. Items: tokens. */
export function causalConv1dBackwardInput(
  dpre: usize,
  byTap: usize,
  reset: usize,
  dFinalWindow: usize,
  dx: usize,
  length: i32,
  channels: i32,
  taps: i32,
  begin: i32,
  end: i32,
): void {
  const w = (<usize>channels) << 2
  for (let row = begin; row < end; row++) {
    const b = row / length
    const s = row % length
    const out = dx + <usize>row * w
    memory.fill(out, 0, w)
    for (let age = 0; age < taps && dpre != 0; age++) {
      if (s + age >= length) break
      if (age > 0 && reset != 0 && load<i32>(reset + ((row + age) << 2)) != 0) break
      const d = dpre + <usize>(row + age) * w
      const weights = byTap + <usize>age * w
      const wide = channels & ~3
      for (let c = 0; c < wide; c += 4) {
        const i = (<usize>c) << 2
        v128.store(out + i, fma(v128.load(weights + i), v128.load(d + i), v128.load(out + i)))
      }
      for (let c = wide; c < channels; c++) {
        const i = (<usize>c) << 2
        store<f32>(out + i, load<f32>(out + i) + load<f32>(weights + i) * load<f32>(d + i))
      }
    }
    const j = s - (length - taps + 1)
    if (dFinalWindow == 0 || j < 0) continue
    for (let c = 0; c < channels; c++) {
      const i = (<usize>c) << 2
      const d = load<f32>(dFinalWindow + ((<usize>((b * channels + c) * (taps - 1) + j)) << 2))
      store<f32>(out + i, load<f32>(out + i) + d)
    }
  }
}

/** dInitialWindow [B, C, K-1]: as dx, for the tokens before the first. Items: [B, C]. */
export function causalConv1dBackwardWindow(
  dpre: usize,
  weight: usize,
  reset: usize,
  dFinalWindow: usize,
  dInitialWindow: usize,
  length: i32,
  channels: i32,
  taps: i32,
  begin: i32,
  end: i32,
): void {
  const before = taps - 1
  for (let i = begin; i < end; i++) {
    const b = i / channels
    const c = i % channels
    for (let k = 0; k < before; k++) {
      // Input k of the window stands before token 0 by `before - k`: tap k - t of token t reads it.
      let sum: f32 = 0
      for (let t = 0; t <= k && t < length && dpre != 0; t++) {
        if (reset != 0 && load<i32>(reset + ((b * length + t) << 2)) != 0) break
        const d = load<f32>(dpre + ((<usize>((b * length + t) * channels + c)) << 2))
        sum += d * load<f32>(weight + ((c * taps + k - t) << 2))
      }
      if (dFinalWindow != 0 && k >= length)
        sum += load<f32>(dFinalWindow + ((<usize>(i * before + k - length)) << 2))
      store<f32>(dInitialWindow + ((<usize>(i * before + k)) << 2), sum)
    }
  }
}
