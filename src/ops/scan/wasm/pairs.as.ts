/**
 * The backward pass of two states of four channels through a chunk, tokens inside: what is carried from token
 * to token stays in registers, and what the states share of a token is loaded once for both. V8 joins no
 * loops: two states are what 16 registers hold.
 */
import { fma } from '../../../devices/wasm/kernels/math.as'
import { scanExp2 } from './lanes.as'

/** Bytes of a vector. */
const V: usize = 16
/** What two states keep of a token: h, h, decay, decay. */
export const SCAN_KEPT: usize = 4 * V
/** What is summed over channels: dB, dB, dC, dC. */
export const SCAN_SUMS: usize = 4 * V
/**
 * What a token is to all states, in vectors: dt, dt u, slope; sums over n of h C, of g B, and of g a h A
 * log2(e).
 */
export const SCAN_TOKEN: usize = 6 * V

/**
 * From h at `kept`, a chunk of `count` tokens: states and decays to kept [count + 1] (a token's decays beside
 * the state before it), and with `output`, h C to tokens. A log2(e) of both at `a`; B, C rows bStep and cStep
 * bytes apart; a reset that is not 0 ends what was before.
 */
export function scanPairForward(
  kept: usize,
  tokens: usize,
  a: usize,
  B: usize,
  bStep: usize,
  C: usize,
  cStep: usize,
  reset: usize,
  count: i32,
  output: bool,
): void {
  const a0 = v128.load(a)
  const a1 = v128.load(a, V)
  let h0 = v128.load(kept)
  let h1 = v128.load(kept, V)
  for (let t = 0; t < count; t++) {
    const dt = v128.load(tokens)
    const x = v128.load(tokens, V)
    let decay0 = scanExp2(f32x4.mul(dt, a0))
    let decay1 = scanExp2(f32x4.mul(dt, a1))
    if (reset != 0) {
      if (load<i32>(reset) != 0) {
        decay0 = f32x4.splat(0)
        decay1 = f32x4.splat(0)
      }
      reset += 4
    }
    h0 = fma(x, v128.load32_splat(B), f32x4.mul(decay0, h0))
    h1 = fma(x, v128.load32_splat(B, 4), f32x4.mul(decay1, h1))
    v128.store(kept, decay0, 2 * V)
    v128.store(kept, decay1, 3 * V)
    kept += SCAN_KEPT
    v128.store(kept, h0)
    v128.store(kept, h1, V)
    if (output) {
      const sum = fma(h0, v128.load32_splat(C), v128.load(tokens, 3 * V))
      v128.store(tokens, fma(h1, v128.load32_splat(C, 4), sum), 3 * V)
      C += cStep
    }
    tokens += SCAN_TOKEN
    B += bStep
  }
}

/**
 * And back: g and dA of both go on at their places, sums over channels and states are added to. B and C begin
 * at the last row.
 */
export function scanPairBackward(
  kept: usize,
  tokens: usize,
  sums: usize,
  a: usize,
  g: usize,
  dA: usize,
  B: usize,
  bStep: usize,
  C: usize,
  cStep: usize,
  count: i32,
): void {
  const a0 = v128.load(a)
  const a1 = v128.load(a, V)
  let g0 = v128.load(g)
  let g1 = v128.load(g, V)
  let dA0 = v128.load(dA)
  let dA1 = v128.load(dA, V)
  kept += <usize>count * SCAN_KEPT
  tokens += <usize>count * SCAN_TOKEN
  sums += <usize>count * SCAN_SUMS
  for (let t = 0; t < count; t++) {
    tokens -= SCAN_TOKEN
    sums -= SCAN_SUMS
    const slope = v128.load(tokens, 2 * V)
    const x = v128.load(tokens, V)
    v128.store(sums, fma(slope, v128.load(kept), v128.load(sums, 2 * V)), 2 * V)
    v128.store(sums, fma(slope, v128.load(kept, V), v128.load(sums, 3 * V)), 3 * V)
    kept -= SCAN_KEPT
    g0 = fma(slope, v128.load32_splat(C), g0)
    g1 = fma(slope, v128.load32_splat(C, 4), g1)
    v128.store(sums, fma(g0, x, v128.load(sums)))
    v128.store(sums, fma(g1, x, v128.load(sums, V)), V)
    const viaInput = fma(g0, v128.load32_splat(B), v128.load(tokens, 4 * V))
    v128.store(tokens, fma(g1, v128.load32_splat(B, 4), viaInput), 4 * V)
    g0 = f32x4.mul(g0, v128.load(kept, 2 * V))
    g1 = f32x4.mul(g1, v128.load(kept, 3 * V))
    const kept0 = f32x4.mul(g0, v128.load(kept))
    const kept1 = f32x4.mul(g1, v128.load(kept, V))
    const dt = v128.load(tokens)
    dA0 = fma(dt, kept0, dA0)
    dA1 = fma(dt, kept1, dA1)
    v128.store(tokens, fma(kept1, a1, fma(kept0, a0, v128.load(tokens, 5 * V))), 5 * V)
    B -= bStep
    C -= cStep
  }
  v128.store(g, g0)
  v128.store(g, g1, V)
  v128.store(dA, dA0)
  v128.store(dA, dA1, V)
}

/**
 * The same forward of one state, whose B and C may be constant in time (`wide`: a vector, of four channels).
 */
export function scanOneForward(
  kept: usize,
  tokens: usize,
  a: usize,
  B: usize,
  bStep: usize,
  C: usize,
  cStep: usize,
  reset: usize,
  count: i32,
  output: bool,
): void {
  const a0 = v128.load(a)
  let h = v128.load(kept)
  for (let t = 0; t < count; t++) {
    let decay = scanExp2(f32x4.mul(v128.load(tokens), a0))
    if (reset != 0) {
      if (load<i32>(reset) != 0) decay = f32x4.splat(0)
      reset += 4
    }
    h = fma(v128.load(tokens, V), stateOf(B, bStep), f32x4.mul(decay, h))
    v128.store(kept, decay, 2 * V)
    kept += SCAN_KEPT
    v128.store(kept, h)
    if (output) v128.store(tokens, fma(h, stateOf(C, cStep), v128.load(tokens, 3 * V)), 3 * V)
    tokens += SCAN_TOKEN
    B += bStep
    C += cStep
  }
}

/** And back. dB and dC begin at the last token, dBStep and dCStep bytes apart. */
export function scanOneBackward(
  kept: usize,
  tokens: usize,
  dB: usize,
  dBStep: usize,
  dC: usize,
  dCStep: usize,
  a: usize,
  g: usize,
  dA: usize,
  B: usize,
  bStep: usize,
  C: usize,
  cStep: usize,
  count: i32,
): void {
  let gradient = v128.load(g)
  let sumA = v128.load(dA)
  kept += <usize>count * SCAN_KEPT
  tokens += <usize>count * SCAN_TOKEN
  for (let t = 0; t < count; t++) {
    tokens -= SCAN_TOKEN
    const slope = v128.load(tokens, 2 * V)
    v128.store(dC, fma(slope, v128.load(kept), v128.load(dC)))
    kept -= SCAN_KEPT
    gradient = fma(slope, stateOf(C, cStep), gradient)
    v128.store(dB, fma(gradient, v128.load(tokens, V), v128.load(dB)))
    v128.store(tokens, fma(gradient, stateOf(B, bStep), v128.load(tokens, 4 * V)), 4 * V)
    gradient = f32x4.mul(gradient, v128.load(kept, 2 * V))
    const through = f32x4.mul(gradient, v128.load(kept))
    sumA = fma(v128.load(tokens), through, sumA)
    v128.store(tokens, fma(through, v128.load(a), v128.load(tokens, 5 * V)), 5 * V)
    B -= bStep
    C -= cStep
    dB -= dBStep
    dC -= dCStep
  }
  v128.store(g, gradient)
  v128.store(dA, sumA)
}

/** B or C of a state: one number for all channels, or a vector where rows do not differ. */
function stateOf(from: usize, step: usize): v128 {
  return step == 0 ? v128.load(from) : v128.load32_splat(from)
}
