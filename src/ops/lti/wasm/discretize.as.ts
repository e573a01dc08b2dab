/**
 * The discretisation (see discretize.ts) in f64, as what it gives is raised to high powers. Recurrences read
 * it rounded: δ = Ā - 1 rather than Ā, as |δ| is small where the memory is long, and its rounding error with
 * it.
 */
import { cos64, exp64, expm164, sin64 } from './float64.as.ts'

/** Words of the f64 values of a mode that `discretizeMode` writes: δ, δ', β, β' (complex), dt. */
export const MODE_WORDS: i32 = 18
const DT: usize = 64

/** What mode p of channel c is, for z = dt A. */
export function discretizeMode(
  logDt: usize,
  aRe: usize,
  aIm: usize,
  bilinear: i32,
  c: i32,
  p: i32,
  mode: usize,
): void {
  const dt = exp64(<f64>load<f32>(logDt + ((<usize>c) << 2)))
  const x = dt * <f64>load<f32>(aRe + ((<usize>p) << 2))
  const y = aIm ? dt * <f64>load<f32>(aIm + ((<usize>p) << 2)) : 0
  store<f64>(mode + DT, dt)
  if (bilinear) {
    // β = 1 / (1 - z/2), δ = z β, δ' = β², β' = β² / 2
    const r = 1 - x / 2
    const i = -y / 2
    const scale = 1 / (r * r + i * i)
    const bRe = r * scale
    const bIm = -i * scale
    const sRe = bRe * bRe - bIm * bIm
    const sIm = 2 * bRe * bIm
    storeComplex(mode, x * bRe - y * bIm, x * bIm + y * bRe)
    storeComplex(mode + 16, sRe, sIm)
    storeComplex(mode + 32, bRe, bIm)
    storeComplex(mode + 48, sRe / 2, sIm / 2)
    return
  }
  const half = sin64(y / 2)
  const dRe = expm164(x) * cos64(y) - 2 * half * half
  const dIm = exp64(x) * sin64(y)
  storeComplex(mode, dRe, dIm)
  storeComplex(mode + 16, 1 + dRe, dIm)
  const square = x * x + y * y
  const scale = square == 0 ? 0 : 1 / square
  const pRe = square == 0 ? 1 : (dRe * x + dIm * y) * scale
  const pIm = (dIm * x - dRe * y) * scale
  storeComplex(mode + 32, pRe, pIm)
  if (square > 0.25) {
    const eRe = 1 + dRe - pRe
    const eIm = dIm - pIm
    storeComplex(mode + 48, (eRe * x + eIm * y) * scale, (eIm * x - eRe * y) * scale)
    return
  }
  // φ'(z) = Σ (k + 1) z^k / (k + 2)!, each term in turn
  let tRe: f64 = 0.5
  let tIm: f64 = 0
  let sRe: f64 = 0.5
  let sIm: f64 = 0
  for (let k: f64 = 1; k < 16; k++) {
    const factor = (k + 1) / (k * (k + 2))
    const re = (tRe * x - tIm * y) * factor
    tIm = (tRe * y + tIm * x) * factor
    tRe = re
    sRe += tRe
    sIm += tIm
  }
  storeComplex(mode + 48, sRe, sIm)
}

function storeComplex(to: usize, re: f64, im: f64): void {
  store<f64>(to, re)
  store<f64>(to, im, 8)
}

function optional(x: usize, i: i32): f64 {
  return x ? <f64>load<f32>(x + ((<usize>i) << 2)) : 0
}

/** B̄ = dt β B of mode p: its real part, or the imaginary one. */
export function inputRe(mode: usize, bRe: usize, bIm: usize, p: i32): f64 {
  return (
    load<f64>(mode + DT) * (load<f64>(mode, 32) * optional(bRe, p) - load<f64>(mode, 40) * optional(bIm, p))
  )
}
export function inputIm(mode: usize, bRe: usize, bIm: usize, p: i32): f64 {
  return (
    load<f64>(mode + DT) * (load<f64>(mode, 32) * optional(bIm, p) + load<f64>(mode, 40) * optional(bRe, p))
  )
}

/**
 * table [C/4, paddedModes, 6, 4]: δ, B̄ and scale C (re, im) of four channels side by side; corrections
 * [C/4, paddedModes, 2, 4]: what 64 steps with the rounded δ lack of Ā^64, as a part of it. All zero where
 * there is no channel or mode. workspace: MODE_WORDS each. Items: groups of four channels.
 */
export function ltiDiscretize(
  logDt: usize,
  aRe: usize,
  aIm: usize,
  bRe: usize,
  bIm: usize,
  cRe: usize,
  cIm: usize,
  table: usize,
  corrections: usize,
  workspace: usize,
  channels: i32,
  modes: i32,
  paddedModes: i32,
  bilinear: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  for (let group = begin; group < end; group++) {
    const rows = table + <usize>(group * paddedModes) * 96
    memory.fill(rows, 0, <usize>paddedModes * 96)
    const fixes = corrections + ((<usize>(group * paddedModes)) << 5)
    memory.fill(fixes, 0, (<usize>paddedModes) << 5)
    const mode = workspace + ((<usize>(group * MODE_WORDS)) << 2)
    for (let lane = 0; lane < 4; lane++) {
      const c = group * 4 + lane
      if (c >= channels) break
      for (let n = 0; n < modes; n++) {
        const p = c * modes + n
        discretizeMode(logDt, aRe, aIm, bilinear, c, p, mode)
        const row = rows + <usize>n * 96 + ((<usize>lane) << 2)
        store<f32>(row, <f32>load<f64>(mode))
        store<f32>(row, <f32>load<f64>(mode, 8), 16)
        store<f32>(row, <f32>inputRe(mode, bRe, bIm, p), 32)
        store<f32>(row, <f32>inputIm(mode, bRe, bIm, p), 48)
        store<f32>(row, scale * <f32>optional(cRe, p), 64)
        store<f32>(row, scale * <f32>optional(cIm, p), 80)
        storeCorrection(mode, row, fixes + ((<usize>n) << 5) + ((<usize>lane) << 2))
      }
    }
  }
}

/**
 * (1 + δ)^64 / (1 + rounded δ)^64 - 1, from their quotient, which is near one. Nothing where memory is short.
 */
function storeCorrection(mode: usize, row: usize, to: usize): void {
  const exactRe = 1 + load<f64>(mode)
  const exactIm = load<f64>(mode, 8)
  const re = 1 + <f64>load<f32>(row)
  const im = <f64>load<f32>(row, 16)
  const square = re * re + im * im
  if (square < 0.25) return
  let r = (exactRe * re + exactIm * im) / square
  let i = (exactIm * re - exactRe * im) / square
  for (let k = 0; k < 6; k++) {
    const next = r * r - i * i
    i = 2 * r * i
    r = next
  }
  store<f32>(to, <f32>(r - 1))
  store<f32>(to, <f32>i, 16)
}

/**
 * Gradients of the parameters from `partial` [B, C/4, paddedModes, 6, 4], those of what `ltiDiscretize`
 * wrote, summed over the batch. Items: groups of four channels.
 */
export function ltiDiscretizeBackward(
  logDt: usize,
  aRe: usize,
  aIm: usize,
  bRe: usize,
  bIm: usize,
  partial: usize,
  workspace: usize,
  dLogDt: usize,
  dARe: usize,
  dAIm: usize,
  dBRe: usize,
  dBIm: usize,
  dCRe: usize,
  dCIm: usize,
  batch: i32,
  channels: i32,
  modes: i32,
  paddedModes: i32,
  bilinear: i32,
  scale: f32,
  begin: i32,
  end: i32,
): void {
  const groups = (channels + 3) / 4
  for (let group = begin; group < end; group++) {
    const mode = workspace + ((<usize>(group * MODE_WORDS)) << 2)
    for (let lane = 0; lane < 4; lane++) {
      const c = group * 4 + lane
      if (c >= channels) break
      let sum: f64 = 0
      for (let n = 0; n < modes; n++) {
        const p = c * modes + n
        const at = (<usize>p) << 2
        discretizeMode(logDt, aRe, aIm, bilinear, c, p, mode)
        const row = partial + <usize>(group * paddedModes + n) * 96 + ((<usize>lane) << 2)
        const stride = <usize>(groups * paddedModes) * 96
        const gARe = sumOver(row, batch, stride)
        const gAIm = sumOver(row + 16, batch, stride)
        const gBRe = sumOver(row + 32, batch, stride)
        const gBIm = sumOver(row + 48, batch, stride)
        store<f32>(dCRe + at, scale * <f32>sumOver(row + 64, batch, stride))
        if (dCIm) store<f32>(dCIm + at, scale * <f32>sumOver(row + 80, batch, stride))
        const dt = load<f64>(mode + DT)
        const Ar = optional(aRe, p)
        const Ai = optional(aIm, p)
        const Br = optional(bRe, p)
        const Bi = optional(bIm, p)
        const betaRe = load<f64>(mode, 32)
        const betaIm = load<f64>(mode, 40)
        store<f32>(dBRe + at, <f32>(dt * (gBRe * betaRe + gBIm * betaIm)))
        if (dBIm) store<f32>(dBIm + at, <f32>(dt * (gBIm * betaRe - gBRe * betaIm)))
        // dz = dĀ conj(δ') + dt dB̄ conj(β' B)
        const slopeRe = load<f64>(mode, 48) * Br - load<f64>(mode, 56) * Bi
        const slopeIm = load<f64>(mode, 48) * Bi + load<f64>(mode, 56) * Br
        const aSlopeRe = load<f64>(mode, 16)
        const aSlopeIm = load<f64>(mode, 24)
        const zRe = gARe * aSlopeRe + gAIm * aSlopeIm + dt * (gBRe * slopeRe + gBIm * slopeIm)
        const zIm = gAIm * aSlopeRe - gARe * aSlopeIm + dt * (gBIm * slopeRe - gBRe * slopeIm)
        store<f32>(dARe + at, <f32>(dt * zRe))
        if (dAIm) store<f32>(dAIm + at, <f32>(dt * zIm))
        const factorRe = betaRe * Br - betaIm * Bi
        const factorIm = betaRe * Bi + betaIm * Br
        sum += dt * (zRe * Ar + zIm * Ai + gBRe * factorRe + gBIm * factorIm)
      }
      store<f32>(dLogDt + ((<usize>c) << 2), <f32>sum)
    }
  }
}

function sumOver(at: usize, count: i32, stride: usize): f64 {
  let sum: f64 = 0
  for (let i = 0; i < count; i++) sum += <f64>load<f32>(at + <usize>i * stride)
  return sum
}
