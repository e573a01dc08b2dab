/**
 * Backward of the recurrence: states at the edges of chunks are kept, those inside are walked again, mode by
 * mode. Formulas: see reference.ts.
 */
import { fma } from '../../../../devices/wasm/kernels/math.as.ts'
import { loadLanes, storeLanes } from '../../wasm/lanes.as.ts'
import {
  advance,
  CHUNK,
  correct,
  gatherChunk,
  gatherMasks,
  gatherStates,
  scatterStates,
} from './forward.as.ts'

/**
 * du, gradients of the initial states, and of each item those of its row of the table and of D: partial
 * [B, C/4, paddedModes, 6, 4], partialD [B, C/4, 4]. workspace: of each item, 4 chunks, a chunk of states and
 * one state more, λ, and states at the edges of chunks, the last of which is for use.
 */
export function ltiDiagonalBackward(
  u: usize,
  table: usize,
  corrections: usize,
  D: usize,
  initialRe: usize,
  initialIm: usize,
  reset: usize,
  dy: usize,
  dFinalRe: usize,
  dFinalIm: usize,
  du: usize,
  dInitialRe: usize,
  dInitialIm: usize,
  partial: usize,
  partialD: usize,
  workspace: usize,
  itemWords: i32,
  length: i32,
  channels: i32,
  modes: i32,
  paddedModes: i32,
  complex: i32,
  begin: i32,
  end: i32,
): void {
  const groups = (channels + 3) / 4
  const chunks = (length + CHUNK - 1) / CHUNK
  const stateSize = (<usize>paddedModes) << 5
  for (let item = begin; item < end; item++) {
    const b = item / groups
    const c = (item % groups) * 4
    const count = min<i32>(channels - c, 4)
    const uChunk = workspace + ((<usize>(item * itemWords)) << 2)
    const masks = uChunk + ((<usize>CHUNK) << 4)
    const gChunk = masks + ((<usize>CHUNK) << 4)
    const duChunk = gChunk + ((<usize>CHUNK) << 4)
    const inner = duChunk + ((<usize>CHUNK) << 4)
    const lambda = inner + ((<usize>(CHUNK + 1)) << 5)
    const edges = lambda + stateSize
    const rows = table + <usize>((c / 4) * paddedModes) * 96
    const fixes = corrections + ((<usize>((c / 4) * paddedModes)) << 5)
    const sums = partial + <usize>(item * paddedModes) * 96
    const from = (<usize>((b * channels + c) * modes)) << 2
    memory.fill(sums, 0, <usize>paddedModes * 96)
    gatherStates(
      initialRe ? initialRe + from : 0,
      initialIm ? initialIm + from : 0,
      modes,
      paddedModes,
      count,
      edges,
    )
    for (let k = 0; k < chunks; k++) {
      const t = k * CHUNK
      const n = min<i32>(length - t, CHUNK)
      const edge = edges + <usize>k * stateSize
      memory.copy(edge + stateSize, edge, stateSize)
      gatherChunk(u + ((<usize>((b * length + t) * channels + c)) << 2), channels, n, count, uChunk)
      gatherMasks(reset ? reset + ((<usize>(b * length + t)) << 2) : 0, n, masks)
      advance(rows, fixes, edge + stateSize, uChunk, masks, duChunk, n, paddedModes, complex)
    }
    gatherStates(
      dFinalRe ? dFinalRe + from : 0,
      dFinalIm ? dFinalIm + from : 0,
      modes,
      paddedModes,
      count,
      lambda,
    )
    const skip = D ? loadLanes(D + ((<usize>c) << 2), count) : f32x4.splat(0)
    let dD = f32x4.splat(0)
    for (let k = chunks - 1; k >= 0; k--) {
      const t = k * CHUNK
      const n = min<i32>(length - t, CHUNK)
      const at = (<usize>((b * length + t) * channels + c)) << 2
      gatherChunk(u + at, channels, n, count, uChunk)
      gatherChunk(dy ? dy + at : 0, channels, n, count, gChunk)
      gatherMasks(reset ? reset + ((<usize>(b * length + t)) << 2) : 0, n, masks)
      for (let i: usize = 0; i < (<usize>n) << 4; i += 16) {
        const g = v128.load(gChunk + i)
        dD = fma(g, v128.load(uChunk + i), dD)
        v128.store(duChunk + i, f32x4.mul(skip, g))
      }
      for (let mode = 0; mode < modes; mode++) {
        const shift = (<usize>mode) << 5
        walkBack(
          rows + <usize>mode * 96,
          edges + <usize>k * stateSize + shift,
          lambda + shift,
          sums + <usize>mode * 96,
          uChunk,
          masks,
          gChunk,
          duChunk,
          inner,
          n,
          complex,
        )
      }
      if (n == CHUNK) {
        for (let mode = 0; mode < modes; mode++) {
          const shift = (<usize>mode) << 5
          correct(fixes + shift, lambda + shift, true)
        }
      }
      for (let i = 0; i < n; i++) {
        storeLanes(du + at + ((<usize>(i * channels)) << 2), v128.load(duChunk + ((<usize>i) << 4)), count)
      }
    }
    scatterStates(
      lambda,
      modes,
      count,
      dInitialRe ? dInitialRe + from : 0,
      dInitialIm ? dInitialIm + from : 0,
    )
    v128.store(partialD + ((<usize>item) << 4), dD)
  }
}

/** One mode over a chunk: forward from its edge, then back. */
function walkBack(
  table: usize,
  edge: usize,
  lambda: usize,
  sums: usize,
  u: usize,
  masks: usize,
  g: usize,
  du: usize,
  inner: usize,
  rows: i32,
  complex: i32,
): void {
  const dRe = v128.load(table)
  const bRe = v128.load(table, 32)
  const cRe = v128.load(table, 64)
  let re = v128.load(edge)
  let lRe = v128.load(lambda)
  let sumARe = v128.load(sums)
  let sumBRe = v128.load(sums, 32)
  let sumCRe = v128.load(sums, 64)
  const end = (<usize>rows) << 4
  if (!complex) {
    v128.store(inner, re)
    for (let t: usize = 0; t < end; t += 16) {
      re = v128.and(re, v128.load(masks + t))
      re = f32x4.add(re, fma(dRe, re, f32x4.mul(bRe, v128.load(u + t))))
      v128.store(inner + t + 16, re)
    }
    for (let t = <isize>end - 16; t >= 0; t -= 16) {
      const at = <usize>t
      const gt = v128.load(g + at)
      const mask = v128.load(masks + at)
      sumCRe = fma(gt, v128.load(inner + at + 16), sumCRe)
      lRe = fma(cRe, gt, lRe)
      sumARe = fma(lRe, v128.and(v128.load(inner + at), mask), sumARe)
      sumBRe = fma(lRe, v128.load(u + at), sumBRe)
      v128.store(du + at, fma(bRe, lRe, v128.load(du + at)))
      lRe = v128.and(fma(dRe, lRe, lRe), mask)
    }
  } else {
    const dIm = v128.load(table, 16)
    const bIm = v128.load(table, 48)
    const cIm = v128.load(table, 80)
    let im = v128.load(edge, 16)
    let lIm = v128.load(lambda, 16)
    let sumAIm = v128.load(sums, 16)
    let sumBIm = v128.load(sums, 48)
    let sumCIm = v128.load(sums, 80)
    v128.store(inner, re)
    v128.store(inner, im, 16)
    for (let t: usize = 0; t < end; t += 16) {
      const ut = v128.load(u + t)
      const mask = v128.load(masks + t)
      re = v128.and(re, mask)
      im = v128.and(im, mask)
      const stepRe = f32x4.sub(fma(dRe, re, f32x4.mul(bRe, ut)), f32x4.mul(dIm, im))
      const stepIm = fma(dRe, im, fma(dIm, re, f32x4.mul(bIm, ut)))
      re = f32x4.add(re, stepRe)
      im = f32x4.add(im, stepIm)
      const next = inner + (t << 1) + 32
      v128.store(next, re)
      v128.store(next, im, 16)
    }
    for (let t = <isize>end - 16; t >= 0; t -= 16) {
      const at = <usize>t
      const gt = v128.load(g + at)
      const ut = v128.load(u + at)
      const mask = v128.load(masks + at)
      const state = inner + (at << 1)
      sumCRe = fma(gt, v128.load(state, 32), sumCRe)
      sumCIm = f32x4.sub(sumCIm, f32x4.mul(gt, v128.load(state, 48)))
      lRe = fma(cRe, gt, lRe)
      lIm = f32x4.sub(lIm, f32x4.mul(cIm, gt))
      const hRe = v128.and(v128.load(state), mask)
      const hIm = v128.and(v128.load(state, 16), mask)
      sumARe = fma(lRe, hRe, fma(lIm, hIm, sumARe))
      sumAIm = f32x4.sub(fma(lIm, hRe, sumAIm), f32x4.mul(lRe, hIm))
      sumBRe = fma(lRe, ut, sumBRe)
      sumBIm = fma(lIm, ut, sumBIm)
      v128.store(du + at, fma(bRe, lRe, fma(bIm, lIm, v128.load(du + at))))
      const stepRe = fma(dRe, lRe, f32x4.mul(dIm, lIm))
      const stepIm = f32x4.sub(f32x4.mul(dRe, lIm), f32x4.mul(dIm, lRe))
      lRe = v128.and(f32x4.add(lRe, stepRe), mask)
      lIm = v128.and(f32x4.add(lIm, stepIm), mask)
    }
    v128.store(lambda, lIm, 16)
    v128.store(sums, sumAIm, 16)
    v128.store(sums, sumBIm, 48)
    v128.store(sums, sumCIm, 80)
  }
  v128.store(lambda, lRe)
  v128.store(sums, sumARe)
  v128.store(sums, sumBRe, 32)
  v128.store(sums, sumCRe, 64)
}

/** dD [C]: partialD [B, C/4, 4] summed over the batch. Items: channels. */
export function ltiDiagonalSkip(
  partialD: usize,
  dD: usize,
  batch: i32,
  groups: i32,
  begin: i32,
  end: i32,
): void {
  for (let c = begin; c < end; c++) {
    let sum: f32 = 0
    for (let b = 0; b < batch; b++) sum += load<f32>(partialD + ((<usize>(b * groups * 4 + c)) << 2))
    store<f32>(dD + ((<usize>c) << 2), sum)
  }
}
