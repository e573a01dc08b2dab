import { fma, sum4 } from '../../../../devices/wasm/kernels/math.as.ts'
import { discretizeMode, inputIm, inputRe, MODE_WORDS } from '../../wasm/discretize.as.ts'
import { TAPS } from './forward.as.ts'

/**
 * Gradients of what `ltiDiscretize` would write, partial [C/4, paddedModes, 6, 4], from dKernel [C, L]. Each
 * tap needs Ā^l and its slope l Ā^(l-1), which over l = 64 i + j is W_i T'_j + W'_i T_j. workspace: of each
 * channel, MODE_WORDS, a block of dKernel, and T, T' (re, im) for a block. Items: groups of four channels.
 */
export function ltiKernelBackward(
  logDt: usize,
  aRe: usize,
  aIm: usize,
  bRe: usize,
  bIm: usize,
  cRe: usize,
  cIm: usize,
  dKernel: usize,
  partial: usize,
  dD: usize,
  workspace: usize,
  length: i32,
  channels: i32,
  modes: i32,
  paddedModes: i32,
  bilinear: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  const size = (<usize>(MODE_WORDS + TAPS * 5)) << 2
  for (let group = begin; group < end; group++) {
    for (let lane = 0; lane < 4; lane++) {
      const c = group * 4 + lane
      if (c >= channels) break
      const mode = workspace + <usize>c * size
      const block = mode + ((<usize>MODE_WORDS) << 2)
      const table = block + ((<usize>TAPS) << 2)
      const taps = dKernel + ((<usize>(c * length)) << 2)
      if (dD) store<f32>(dD + ((<usize>c) << 2), load<f32>(taps))
      for (let n = 0; n < modes; n++) {
        const p = c * modes + n
        discretizeMode(logDt, aRe, aIm, bilinear, c, p, mode)
        const b0 = inputRe(mode, bRe, bIm, p)
        const b1 = inputIm(mode, bRe, bIm, p)
        const c0 = <f64>scale * <f64>load<f32>(cRe + ((<usize>p) << 2))
        const c1 = cIm ? <f64>scale * <f64>load<f32>(cIm + ((<usize>p) << 2)) : 0
        const row = partial + <usize>(group * paddedModes + n) * 96 + ((<usize>lane) << 2)
        sumPowers(1 + load<f64>(mode), load<f64>(mode, 8), taps, length, block, table, mode)
        // P = Σ dK Ā^l, S = Σ dK l Ā^(l-1): dĀ = conj(C B̄ S), dB̄ = conj(C P), dC = conj(B̄ P)
        const p0 = load<f64>(mode)
        const p1 = load<f64>(mode, 8)
        const s0 = load<f64>(mode, 16)
        const s1 = load<f64>(mode, 24)
        const w0 = c0 * b0 - c1 * b1
        const w1 = c0 * b1 + c1 * b0
        store<f32>(row, <f32>(w0 * s0 - w1 * s1))
        store<f32>(row, <f32>-(w0 * s1 + w1 * s0), 16)
        store<f32>(row, <f32>(c0 * p0 - c1 * p1), 32)
        store<f32>(row, <f32>-(c0 * p1 + c1 * p0), 48)
        store<f32>(row, <f32>(b0 * p0 - b1 * p1), 64)
        store<f32>(row, <f32>-(b0 * p1 + b1 * p0), 80)
      }
    }
  }
}

/** P and S of Ā = (re, im), to `out`. */
function sumPowers(re: f64, im: f64, taps: usize, length: i32, block: usize, table: usize, out: usize): void {
  // T, T' and, after the loop, Ā^64 and its slope
  let tRe: f64 = 1
  let tIm: f64 = 0
  let sRe: f64 = 0
  let sIm: f64 = 0
  for (let j: usize = 0; j < (<usize>TAPS) << 2; j += 4) {
    store<f32>(table + j, <f32>tRe)
    store<f32>(table + j, <f32>tIm, 256)
    store<f32>(table + j, <f32>sRe, 512)
    store<f32>(table + j, <f32>sIm, 768)
    const slope = sRe * re - sIm * im + tRe
    sIm = sRe * im + sIm * re + tIm
    sRe = slope
    const power = tRe * re - tIm * im
    tIm = tRe * im + tIm * re
    tRe = power
  }
  // W and W'
  let wRe: f64 = 1
  let wIm: f64 = 0
  let vRe: f64 = 0
  let vIm: f64 = 0
  let sumRe: f64 = 0
  let sumIm: f64 = 0
  let slopeRe: f64 = 0
  let slopeIm: f64 = 0
  for (let l = 0; l < length; l += TAPS) {
    let from = taps + ((<usize>l) << 2)
    if (length - l < TAPS) {
      memory.fill(block, 0, (<usize>TAPS) << 2)
      memory.copy(block, from, (<usize>(length - l)) << 2)
      from = block
    }
    let a0 = f32x4.splat(0)
    let a1 = f32x4.splat(0)
    let a2 = f32x4.splat(0)
    let a3 = f32x4.splat(0)
    for (let j: usize = 0; j < (<usize>TAPS) << 2; j += 16) {
      const g = v128.load(from + j)
      a0 = fma(g, v128.load(table + j), a0)
      a1 = fma(g, v128.load(table + j, 256), a1)
      a2 = fma(g, v128.load(table + j, 512), a2)
      a3 = fma(g, v128.load(table + j, 768), a3)
    }
    const pRe = <f64>sum4(a0)
    const pIm = <f64>sum4(a1)
    const qRe = <f64>sum4(a2)
    const qIm = <f64>sum4(a3)
    sumRe += wRe * pRe - wIm * pIm
    sumIm += wRe * pIm + wIm * pRe
    slopeRe += wRe * qRe - wIm * qIm + vRe * pRe - vIm * pIm
    slopeIm += wRe * qIm + wIm * qRe + vRe * pIm + vIm * pRe
    const v = vRe * tRe - vIm * tIm + wRe * sRe - wIm * sIm
    vIm = vRe * tIm + vIm * tRe + wRe * sIm + wIm * sRe
    vRe = v
    const w = wRe * tRe - wIm * tIm
    wIm = wRe * tIm + wIm * tRe
    wRe = w
  }
  store<f64>(out, sumRe)
  store<f64>(out, sumIm, 8)
  store<f64>(out, slopeRe, 16)
  store<f64>(out, slopeIm, 24)
}
