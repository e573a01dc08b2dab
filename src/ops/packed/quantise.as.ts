import { max4 } from '../../devices/wasm/kernels/math.as.ts'
import { word } from '../matmul/finish.as.ts'

/** Words of 32 activations in integers. */
const RECORD: i32 = 36

/**
 * x [M, K] in blocks of 32 as two int16 each, x = s h + 2^-15 s l, which is as exact as f32: h is the nearest integer to x / s,
 * l what is left. A record [4 + 8 · 4] is s, 2^-15 s, -8 Σ h, -8 Σ l, and for each four x the pairs (h0, h2) (l0, l2)
 * (h1, h3) (l1, l3): products of integers of 8 bits with these add up in 32 bits. Items: blocks of all rows.
 */
export function packedQuantise(x: usize, q: usize, K: i32, xRow: i32, begin: i32, end: i32): void {
  const blocks = K / 32
  for (let item = begin; item < end; item++) {
    const from = word(x, (item / blocks) * xRow + (item % blocks) * 32)
    let to = word(q, item * RECORD)
    let most = f32x4.splat(0)
    for (let i = 0; i < 32; i += 4) most = f32x4.max(most, f32x4.abs(v128.load(word(from, i))))
    // Below, s would be subnormal: such blocks are zero. NaN and infinity make s the same, and with it all of y.
    const largest = max4(most)
    const s: f32 = largest < 1e-33 ? 0 : largest / 32767
    const inverse = f32x4.splat(s > 0 ? 1 / s : 0)
    let sumH = i32x4.splat(0)
    let sumL = i32x4.splat(0)
    const pairs = to + 16
    for (let i = 0; i < 32; i += 4) {
      const scaled = f32x4.mul(v128.load(word(from, i)), inverse)
      const whole = f32x4.nearest(scaled)
      const h = i32x4.trunc_sat_f32x4_s(whole)
      const l = i32x4.trunc_sat_f32x4_s(f32x4.mul(f32x4.sub(scaled, whole), f32x4.splat(32768)))
      sumH = i32x4.add(sumH, h)
      sumL = i32x4.add(sumL, l)
      v128.store(word(pairs, i), i16x8.shuffle(i16x8.narrow_i32x4_s(h, l), h, 0, 2, 4, 6, 1, 3, 5, 7))
    }
    store<f32>(to, s)
    store<f32>(to, s / 32768, 4)
    store<i32>(to, -8 * sum(sumH), 8)
    store<i32>(to, -8 * sum(sumL), 12)
  }
}

function sum(x: v128): i32 {
  return (
    i32x4.extract_lane(x, 0) + i32x4.extract_lane(x, 1) + i32x4.extract_lane(x, 2) + i32x4.extract_lane(x, 3)
  )
}
