/**
 * The recurrence, four channels in the lanes of a vector, mode by mode over a chunk of tokens: parameters and
 * state of a mode stay in registers. An item is a group of four channels of a sequence.
 */
import { fma } from '../../../../devices/wasm/kernels/math.as.ts'
import { loadLanes, storeLanes } from '../../wasm/lanes.as.ts'

/** Tokens of a chunk. */
export const CHUNK: i32 = 64

/** Brings rows of x, `stride` words apart, to a chunk of vectors; zero if there is no x. */
export function gatherChunk(x: usize, stride: i32, rows: i32, count: i32, chunk: usize): void {
  for (let t = 0; t < rows; t++) {
    const lanes = x ? loadLanes(x + ((<usize>(t * stride)) << 2), count) : f32x4.splat(0)
    v128.store(chunk + ((<usize>t) << 4), lanes)
  }
}

/** Masks of a chunk: zero where the state is zeroed before the token, else all ones. */
export function gatherMasks(reset: usize, rows: i32, masks: usize): void {
  for (let t = 0; t < rows; t++) {
    const zeroed = reset != 0 && load<i32>(reset + ((<usize>t) << 2)) != 0
    v128.store(masks + ((<usize>t) << 4), i32x4.splat(zeroed ? 0 : -1))
  }
}

/** States of `count` channels from [C, N] to [paddedModes, re and im, 4], or zero. */
export function gatherStates(
  re: usize,
  im: usize,
  modes: i32,
  paddedModes: i32,
  count: i32,
  states: usize,
): void {
  memory.fill(states, 0, (<usize>paddedModes) << 5)
  for (let lane = 0; lane < count; lane++) {
    for (let n = 0; n < modes; n++) {
      const from = (<usize>(lane * modes + n)) << 2
      const to = states + ((<usize>n) << 5) + ((<usize>lane) << 2)
      if (re) store<f32>(to, load<f32>(re + from))
      if (im) store<f32>(to, load<f32>(im + from), 16)
    }
  }
}

export function scatterStates(states: usize, modes: i32, count: i32, re: usize, im: usize): void {
  for (let lane = 0; lane < count; lane++) {
    for (let n = 0; n < modes; n++) {
      const to = (<usize>(lane * modes + n)) << 2
      const from = states + ((<usize>n) << 5) + ((<usize>lane) << 2)
      if (re) store<f32>(re + to, load<f32>(from))
      if (im) store<f32>(im + to, load<f32>(from, 16))
    }
  }
}

/** Two complex modes over a chunk: h = h + (δ h + B̄ u), y += Re(C h). */
export function advanceComplex(
  table: usize,
  states: usize,
  u: usize,
  masks: usize,
  y: usize,
  rows: i32,
): void {
  const dRe0 = v128.load(table)
  const dIm0 = v128.load(table, 16)
  const bRe0 = v128.load(table, 32)
  const bIm0 = v128.load(table, 48)
  const cRe0 = v128.load(table, 64)
  const cIm0 = f32x4.neg(v128.load(table, 80))
  const dRe1 = v128.load(table, 96)
  const dIm1 = v128.load(table, 112)
  const bRe1 = v128.load(table, 128)
  const bIm1 = v128.load(table, 144)
  const cRe1 = v128.load(table, 160)
  const cIm1 = f32x4.neg(v128.load(table, 176))
  let re0 = v128.load(states)
  let im0 = v128.load(states, 16)
  let re1 = v128.load(states, 32)
  let im1 = v128.load(states, 48)
  const end = (<usize>rows) << 4
  for (let t: usize = 0; t < end; t += 16) {
    const ut = v128.load(u + t)
    const mask = v128.load(masks + t)
    re0 = v128.and(re0, mask)
    im0 = v128.and(im0, mask)
    re1 = v128.and(re1, mask)
    im1 = v128.and(im1, mask)
    const stepRe0 = f32x4.sub(fma(dRe0, re0, f32x4.mul(bRe0, ut)), f32x4.mul(dIm0, im0))
    const stepIm0 = fma(dRe0, im0, fma(dIm0, re0, f32x4.mul(bIm0, ut)))
    const stepRe1 = f32x4.sub(fma(dRe1, re1, f32x4.mul(bRe1, ut)), f32x4.mul(dIm1, im1))
    const stepIm1 = fma(dRe1, im1, fma(dIm1, re1, f32x4.mul(bIm1, ut)))
    re0 = f32x4.add(re0, stepRe0)
    im0 = f32x4.add(im0, stepIm0)
    re1 = f32x4.add(re1, stepRe1)
    im1 = f32x4.add(im1, stepIm1)
    const part0 = fma(cRe0, re0, f32x4.mul(cIm0, im0))
    const part1 = fma(cRe1, re1, f32x4.mul(cIm1, im1))
    v128.store(y + t, f32x4.add(v128.load(y + t), f32x4.add(part0, part1)))
  }
  v128.store(states, re0)
  v128.store(states, im0, 16)
  v128.store(states, re1, 32)
  v128.store(states, im1, 48)
}

/** Four real modes over a chunk. */
export function advanceReal(table: usize, states: usize, u: usize, masks: usize, y: usize, rows: i32): void {
  const d0 = v128.load(table)
  const b0 = v128.load(table, 32)
  const c0 = v128.load(table, 64)
  const d1 = v128.load(table, 96)
  const b1 = v128.load(table, 128)
  const c1 = v128.load(table, 160)
  const d2 = v128.load(table, 192)
  const b2 = v128.load(table, 224)
  const c2 = v128.load(table, 256)
  const d3 = v128.load(table, 288)
  const b3 = v128.load(table, 320)
  const c3 = v128.load(table, 352)
  let h0 = v128.load(states)
  let h1 = v128.load(states, 32)
  let h2 = v128.load(states, 64)
  let h3 = v128.load(states, 96)
  const end = (<usize>rows) << 4
  for (let t: usize = 0; t < end; t += 16) {
    const ut = v128.load(u + t)
    const mask = v128.load(masks + t)
    h0 = v128.and(h0, mask)
    h1 = v128.and(h1, mask)
    h2 = v128.and(h2, mask)
    h3 = v128.and(h3, mask)
    h0 = f32x4.add(h0, fma(d0, h0, f32x4.mul(b0, ut)))
    h1 = f32x4.add(h1, fma(d1, h1, f32x4.mul(b1, ut)))
    h2 = f32x4.add(h2, fma(d2, h2, f32x4.mul(b2, ut)))
    h3 = f32x4.add(h3, fma(d3, h3, f32x4.mul(b3, ut)))
    const part0 = fma(c0, h0, f32x4.mul(c1, h1))
    const part1 = fma(c2, h2, f32x4.mul(c3, h3))
    v128.store(y + t, f32x4.add(v128.load(y + t), f32x4.add(part0, part1)))
  }
  v128.store(states, h0)
  v128.store(states, h1, 32)
  v128.store(states, h2, 64)
  v128.store(states, h3, 96)
}

/**
 * Makes good, at the end of a whole chunk, what the rounding of δ has done: it would add up over the memory.
 * State and correction of a mode; that of a gradient is the conjugate.
 */
export function correct(correction: usize, state: usize, conjugate: bool): void {
  const kRe = v128.load(correction)
  const kIm = conjugate ? f32x4.neg(v128.load(correction, 16)) : v128.load(correction, 16)
  const re = v128.load(state)
  const im = v128.load(state, 16)
  v128.store(state, f32x4.add(re, f32x4.sub(f32x4.mul(kRe, re), f32x4.mul(kIm, im))))
  v128.store(state, f32x4.add(im, fma(kRe, im, f32x4.mul(kIm, re))), 16)
}

/** All modes over a chunk. */
export function advance(
  table: usize,
  corrections: usize,
  states: usize,
  u: usize,
  masks: usize,
  y: usize,
  rows: i32,
  paddedModes: i32,
  complex: i32,
): void {
  const step = complex ? 2 : 4
  for (let n = 0; n < paddedModes; n += step) {
    const row = table + <usize>n * 96
    const state = states + ((<usize>n) << 5)
    if (complex) advanceComplex(row, state, u, masks, y, rows)
    else advanceReal(row, state, u, masks, y, rows)
  }
  if (rows < CHUNK) return
  for (let n = 0; n < paddedModes; n++)
    correct(corrections + ((<usize>n) << 5), states + ((<usize>n) << 5), false)
}

/** y [B, L, C] (if there) and the final states. workspace: of each item, three chunks and its states. */
export function ltiDiagonalForward(
  u: usize,
  table: usize,
  corrections: usize,
  D: usize,
  initialRe: usize,
  initialIm: usize,
  reset: usize,
  y: usize,
  finalRe: usize,
  finalIm: usize,
  workspace: usize,
  length: i32,
  channels: i32,
  modes: i32,
  paddedModes: i32,
  complex: i32,
  begin: i32,
  end: i32,
): void {
  const groups = (channels + 3) / 4
  const size = (<usize>CHUNK * 3 + <usize>paddedModes * 2) << 4
  for (let item = begin; item < end; item++) {
    const b = item / groups
    const c = (item % groups) * 4
    const count = min<i32>(channels - c, 4)
    const uChunk = workspace + <usize>item * size
    const masks = uChunk + ((<usize>CHUNK) << 4)
    const yChunk = masks + ((<usize>CHUNK) << 4)
    const states = yChunk + ((<usize>CHUNK) << 4)
    const rows = table + <usize>((c / 4) * paddedModes) * 96
    const fixes = corrections + ((<usize>((c / 4) * paddedModes)) << 5)
    const from = (<usize>((b * channels + c) * modes)) << 2
    gatherStates(
      initialRe ? initialRe + from : 0,
      initialIm ? initialIm + from : 0,
      modes,
      paddedModes,
      count,
      states,
    )
    const skip = D ? loadLanes(D + ((<usize>c) << 2), count) : f32x4.splat(0)
    for (let t = 0; t < length; t += CHUNK) {
      const n = min<i32>(length - t, CHUNK)
      const at = (<usize>((b * length + t) * channels + c)) << 2
      gatherChunk(u + at, channels, n, count, uChunk)
      gatherMasks(reset ? reset + ((<usize>(b * length + t)) << 2) : 0, n, masks)
      for (let i: usize = 0; i < (<usize>n) << 4; i += 16) {
        v128.store(yChunk + i, f32x4.mul(skip, v128.load(uChunk + i)))
      }
      advance(rows, fixes, states, uChunk, masks, yChunk, n, paddedModes, complex)
      if (!y) continue
      for (let i = 0; i < n; i++) {
        storeLanes(y + at + ((<usize>(i * channels)) << 2), v128.load(yChunk + ((<usize>i) << 4)), count)
      }
    }
    scatterStates(states, modes, count, finalRe + from, finalIm ? finalIm + from : 0)
  }
}
