import { fma, siluGrad1, siluGrad4 } from '../../../devices/wasm/kernels/math.as'
import { causalConv1dFour, causalConv1dPlain, causalConv1dRow, causalConv1dRows } from './rows.as'

/**
 * Channels that are done over a tile of tokens before the next ones, so that they stay in the first cache.
 */
const BLOCK: i32 = 256

/**
 * dPre [B, L, C], the gradient before the activation, and partials [B, tiles, K + 1, C]: sums over the tokens
 * of a tile of dPre x[t - age], and of dPre. Items: tiles of `tile` tokens, [B, tiles].
 */
export function causalConv1dBackwardTokens(
  x: usize,
  byTap: usize,
  bias: usize,
  edge: usize,
  windowed: i32,
  reset: usize,
  dy: usize,
  dPre: usize,
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
      for (let t = first; t < last; t += 4) {
        const count = min<i32>(4, last - t)
        const row = <usize>(b * length + t) * w
        const d = dPre + row
        if (silu) {
          causalConv1dRows(
            x,
            byTap,
            bias,
            edge,
            windowed,
            reset,
            d,
            length,
            channels,
            taps,
            xStride,
            b,
            t,
            count,
            block,
            blockEnd,
          )
        }
        for (let k: usize = 0; k < <usize>count; k++) {
          slopes(dy + row + k * w, d + k * w, (<usize>block) << 2, (<usize>blockEnd) << 2, silu)
        }
        let single = block
        if (causalConv1dPlain(reset, length, taps, b, t, count)) {
          single = block + ((blockEnd - block) & ~3)
          const x0 = x + ((<usize>(b * length + t) * <usize>xStride) << 2)
          addFour(x0, (<usize>xStride) << 2, d, sums, w, (<usize>block) << 2, (<usize>single) << 2)
        }
        for (let k = 0; k < count && single < blockEnd; k++) {
          for (let age = 0; age <= taps; age++) {
            const from =
              age < taps
                ? causalConv1dRow(x, edge, windowed, reset, length, channels, taps, xStride, b, t + k, age)
                : 0
            addProducts(
              sums + <usize>age * w,
              d + <usize>k * w,
              from,
              (<usize>single) << 2,
              (<usize>blockEnd) << 2,
            )
          }
        }
      }
    }
  }
}

/** d = dy silu'(d), or dy, from byte `from` to `to`. */
function slopes(dy: usize, d: usize, from: usize, to: usize, silu: i32): void {
  if (!silu) {
    memory.copy(d + from, dy + from, to - from)
    return
  }
  let i = from
  for (; i + 32 <= to; i += 32) {
    const at = d + i
    const d0 = f32x4.mul(v128.load(dy + i), siluGrad4(v128.load(at)))
    const d1 = f32x4.mul(v128.load(dy + i, 16), siluGrad4(v128.load(at, 16)))
    v128.store(at, d0)
    v128.store(at, d1, 16)
  }
  for (; i < to; i += 4) store<f32>(d + i, load<f32>(dy + i) * siluGrad1(load<f32>(d + i)))
}

/** The sums of four plain tokens with four taps; four channels stay in registers. */
function addFour(x: usize, xStep: usize, d: usize, sums: usize, w: usize, from: usize, to: usize): void {
  for (let i = from; i < to; i += 16) {
    const d0 = v128.load(d + i)
    const d1 = v128.load(d + w + i)
    const d2 = v128.load(d + 2 * w + i)
    const d3 = v128.load(d + 3 * w + i)
    let at = x + i
    const x0 = v128.load(at)
    const x1 = v128.load(at + xStep)
    const x2 = v128.load(at + 2 * xStep)
    const x3 = v128.load(at + 3 * xStep)
    let sum = sums + i
    v128.store(sum, fma(d3, x3, fma(d2, x2, fma(d1, x1, fma(d0, x0, v128.load(sum))))))
    at -= xStep
    sum += w
    const x4 = v128.load(at)
    v128.store(sum, fma(d3, x2, fma(d2, x1, fma(d1, x0, fma(d0, x4, v128.load(sum))))))
    at -= xStep
    sum += w
    const x5 = v128.load(at)
    v128.store(sum, fma(d3, x1, fma(d2, x0, fma(d1, x4, fma(d0, x5, v128.load(sum))))))
    at -= xStep
    sum += w
    v128.store(sum, fma(d3, x0, fma(d2, x4, fma(d1, x5, fma(d0, v128.load(at), v128.load(sum))))))
    sum += w
    const total = f32x4.add(f32x4.add(f32x4.add(f32x4.add(v128.load(sum), d0), d1), d2), d3)
    v128.store(sum, total)
  }
}

/** sum += d x, from byte `from` to `to`; an x of 0 is one. */
function addProducts(sum: usize, d: usize, x: usize, from: usize, to: usize): void {
  let i = from
  for (; i + 16 <= to; i += 16) {
    const s = v128.load(sum + i)
    const product = x != 0 ? fma(v128.load(d + i), v128.load(x + i), s) : f32x4.add(s, v128.load(d + i))
    v128.store(sum + i, product)
  }
  for (; i < to; i += 4) {
    const factor: f32 = x != 0 ? load<f32>(x + i) : 1
    store<f32>(sum + i, load<f32>(sum + i) + load<f32>(d + i) * factor)
  }
}

/** dWeight [C, K] and dBias [C] from the partials of all tiles, in their order. Items: channels. */
export function causalConv1dBackwardSums(
  partials: usize,
  dWeight: usize,
  dBias: usize,
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
      if (age < taps) store<f32>(dWeight + ((c * taps + taps - 1 - age) << 2), sum)
      else if (dBias != 0) store<f32>(dBias + (c << 2), sum)
    }
  }
}

/**
 * dx [B, L, C] = sum over ages of byTap[age] dPre[t + age], and of the final window. Items: four tokens, [B,
 * L / 4].
 */
export function causalConv1dBackwardInput(
  dPre: usize,
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
  const fours = (length + 3) / 4
  for (let item = begin; item < end; item++) {
    const b = item / fours
    const first = (item % fours) * 4
    const last = min<i32>(length, first + 4)
    let single = 0
    // The last of the four is read by the three tokens after it.
    if (dPre != 0 && first + 7 <= length && causalConv1dPlain(reset, length, taps, b, first + 3, 4)) {
      single = channels & ~7
      const at = <usize>(b * length + first) * w
      causalConv1dFour(dPre + at, w, w, byTap, 0, dx + at, w, 0, (<usize>single) << 2)
    }
    for (let s = first; s < last; s++) {
      const row = b * length + s
      const out = dx + <usize>row * w
      const start = (<usize>single) << 2
      memory.fill(out + start, 0, w - start)
      for (let age = 0; age < taps && dPre != 0; age++) {
        if (s + age >= length) break
        if (age > 0 && reset != 0 && load<i32>(reset + ((row + age) << 2)) != 0) break
        const d = dPre + <usize>(row + age) * w
        const weights = byTap + <usize>age * w
        let i = start
        for (; i + 16 <= w; i += 16) {
          v128.store(out + i, fma(v128.load(weights + i), v128.load(d + i), v128.load(out + i)))
        }
        for (; i < w; i += 4) {
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
}

/** dInitialWindow [B, C, K-1]: as dx, for the tokens before the first. Items: [B, C]. */
export function causalConv1dBackwardWindow(
  dPre: usize,
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
      for (let t = 0; t <= k && t < length && dPre != 0; t++) {
        if (reset != 0 && load<i32>(reset + ((b * length + t) << 2)) != 0) break
        const d = load<f32>(dPre + ((<usize>((b * length + t) * channels + c)) << 2))
        sum += d * load<f32>(weight + ((c * taps + k - t) << 2))
      }
      if (dFinalWindow != 0 && k >= length)
        sum += load<f32>(dFinalWindow + ((<usize>(i * before + k - length)) << 2))
      store<f32>(dInitialWindow + ((<usize>(i * before + k)) << 2), sum)
    }
  }
}
