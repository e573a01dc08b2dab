/**
 * The kernel in blocks of 64 taps: Ā^(64 i + j) = W_i T_j, with T_j for j < 64 and W_i made in f64 and
 * rounded once. So no error grows with the length, and a tap costs one complex product a mode.
 */
import { fma } from '../../../../devices/wasm/kernels/math.as.ts'
import { discretizeMode, inputIm, inputRe, MODE_WORDS } from '../../wasm/discretize.as.ts'

/** Taps of a block. */
export const TAPS: i32 = 64
/** Bytes of a mode in the workspace: T (re, im), then W and Ā^64 in f64. */
const ROW: usize = 544
const W: usize = 512

/**
 * kernel [C, L]. workspace: of each channel, MODE_WORDS, a block of taps, and a row for each mode. Items:
 * channels.
 */
export function ltiKernelForward(
  logDt: usize,
  aRe: usize,
  aIm: usize,
  bRe: usize,
  bIm: usize,
  cRe: usize,
  cIm: usize,
  D: usize,
  kernel: usize,
  workspace: usize,
  length: i32,
  modes: i32,
  bilinear: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  const size = ((<usize>(MODE_WORDS + TAPS)) << 2) + <usize>modes * ROW
  for (let c = begin; c < end; c++) {
    const mode = workspace + <usize>c * size
    const block = mode + ((<usize>MODE_WORDS) << 2)
    const table = block + ((<usize>TAPS) << 2)
    for (let n = 0; n < modes; n++) {
      const p = c * modes + n
      const row = table + <usize>n * ROW
      discretizeMode(logDt, aRe, aIm, bilinear, c, p, mode)
      const b0 = inputRe(mode, bRe, bIm, p)
      const b1 = inputIm(mode, bRe, bIm, p)
      const c0 = <f64>scale * <f64>load<f32>(cRe + ((<usize>p) << 2))
      const c1 = cIm ? <f64>scale * <f64>load<f32>(cIm + ((<usize>p) << 2)) : 0
      store<f64>(row, c0 * b0 - c1 * b1, W)
      store<f64>(row, c0 * b1 + c1 * b0, W + 8)
      powers(1 + load<f64>(mode), load<f64>(mode, 8), row)
    }
    for (let l = 0; l < length; l += TAPS) {
      for (let j: usize = 0; j < (<usize>TAPS) << 2; j += 64) addTaps(table, j, block, modes)
      memory.copy(kernel + ((<usize>(c * length + l)) << 2), block, (<usize>min<i32>(length - l, TAPS)) << 2)
      for (let n = 0; n < modes; n++) advanceFactor(table + <usize>n * ROW)
    }
    const first = kernel + ((<usize>(c * length)) << 2)
    if (D) store<f32>(first, load<f32>(first) + load<f32>(D + ((<usize>c) << 2)))
  }
}

/** T_j = Ā^j for j < 64, and Ā^64. */
function powers(re: f64, im: f64, row: usize): void {
  let r: f64 = 1
  let i: f64 = 0
  for (let j: usize = 0; j < (<usize>TAPS) << 2; j += 4) {
    store<f32>(row + j, <f32>r)
    store<f32>(row + j, <f32>i, 256)
    const next = r * re - i * im
    i = r * im + i * re
    r = next
  }
  store<f64>(row, r, W + 16)
  store<f64>(row, i, W + 24)
}

/** W_(i+1) = W_i Ā^64 */
function advanceFactor(row: usize): void {
  const r = load<f64>(row, W)
  const i = load<f64>(row, W + 8)
  const re = load<f64>(row, W + 16)
  const im = load<f64>(row, W + 24)
  store<f64>(row, r * re - i * im, W)
  store<f64>(row, r * im + i * re, W + 8)
}

/** 16 taps from j on: Σ_n Re(W T) */
function addTaps(row: usize, j: usize, block: usize, modes: i32): void {
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  let y2 = f32x4.splat(0)
  let y3 = f32x4.splat(0)
  for (let n = 0; n < modes; n++) {
    const re = f32x4.splat(<f32>load<f64>(row, W))
    const im = f32x4.splat(-(<f32>load<f64>(row, W + 8)))
    const taps = row + j
    y0 = fma(re, v128.load(taps), fma(im, v128.load(taps, 256), y0))
    y1 = fma(re, v128.load(taps, 16), fma(im, v128.load(taps, 272), y1))
    y2 = fma(re, v128.load(taps, 32), fma(im, v128.load(taps, 288), y2))
    y3 = fma(re, v128.load(taps, 48), fma(im, v128.load(taps, 304), y3))
    row += ROW
  }
  const taps = block + j
  v128.store(taps, y0)
  v128.store(taps, y1, 16)
  v128.store(taps, y2, 32)
  v128.store(taps, y3, 48)
}
