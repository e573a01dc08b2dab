import { fma } from '../../../devices/wasm/kernels/math.as.ts'
import { storeEight } from './dot-f16.as.ts'
import { scales4 } from './half.as.ts'

/** Bytes of blocks of 8 rows, and of 32 activations in digits: see `format.ts` and `quantise.as.ts`. */
const BYTES8: i32 = 272
const BYTES4: i32 = 144
const RECORD: i32 = 144

/** acc + a · b, four products a lane: a of 8 bits with sign, b of 7 bits without. */
function dot(acc: v128, a: v128, b: v128): v128 {
  return i32x4.relaxed_dot_i8x16_i7x16_add_s(a, b, acc)
}

/**
 * Whether activations are to be digits for this file: as asked for (0 or 1; digits need relaxed SIMD), or if
 * the machine adds four products of bytes in one instruction, and the engine uses it. Such an instruction
 * takes b of eight bits without sign, and its sums do not stop at 16 bits as do those of the three
 * instructions that stand in for it: it is told by what it makes of what kernels never give it. With one
 * instruction digits are 1.5 × as fast as int16; with three, int16 is 1.6 × as fast.
 */
export function asDigits(asked: i32): bool {
  if (!ASC_FEATURE_RELAXED_SIMD) return false
  if (asked < 2) return asked == 1
  return i32x4.extract_lane(dot(i32x4.splat(0), i8x16.splat(127), i8x16.splat(-1)), 0) == 4 * 127 * 255
}

/** s (d0 + r d1 + r² d2), its three factors at x. */
function joined(x: usize, d0: v128, d1: v128, d2: v128): v128 {
  const low = f32x4.mul(f32x4.convert_i32x4_s(d0), v128.load32_splat(x))
  const middle = fma(f32x4.convert_i32x4_s(d1), v128.load32_splat(x, 4), low)
  return fma(f32x4.convert_i32x4_s(d2), v128.load32_splat(x, 8), middle)
}

/** y [8] = x · W [8, K], x in digits of 7 bits without sign, W in int8. */
export function digitTimes8(x: usize, w: usize, blocks: i32, y: usize, width: i32): void {
  const ones = i8x16.splat(1)
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  for (let b = 0; b < blocks; b++, w += BYTES8, x += RECORD) {
    let low0 = i32x4.splat(0)
    let low1 = low0
    let middle0 = low0
    let middle1 = low0
    let high0 = low0
    let high1 = low0
    let sum0 = low0
    let sum1 = low0
    for (let g: usize = 0; g < 8; g++) {
      const w0 = v128.load(w + (g << 5), 16)
      const w1 = v128.load(w + (g << 5), 32)
      const digits = x + (g << 2)
      let d = v128.load32_splat(digits, 32)
      low0 = dot(low0, w0, d)
      low1 = dot(low1, w1, d)
      d = v128.load32_splat(digits, 64)
      middle0 = dot(middle0, w0, d)
      middle1 = dot(middle1, w1, d)
      d = v128.load32_splat(digits, 96)
      high0 = dot(high0, w0, d)
      high1 = dot(high1, w1, d)
      sum0 = dot(sum0, w0, ones)
      sum1 = dot(sum1, w1, ones)
    }
    // Σ w (X + 2^20) - 2^20 Σ w, where 2^20 is 64 in the highest digit.
    high0 = i32x4.sub(high0, i32x4.shl(sum0, 6))
    high1 = i32x4.sub(high1, i32x4.shl(sum1, 6))
    y0 = fma(joined(x, low0, middle0, high0), scales4(w), y0)
    y1 = fma(joined(x, low1, middle1, high1), scales4(w + 8), y1)
  }
  storeEight(y, y0, y1, width)
}

/**
 * y [8] = x · W [8, K], x in digits of 8 bits with sign, W in 4 bits: its bytes hold element k, and k + 4
 * above it.
 */
export function digitTimes4(x: usize, w: usize, blocks: i32, y: usize, width: i32): void {
  const mask = i8x16.splat(15)
  let y0 = f32x4.splat(0)
  let y1 = f32x4.splat(0)
  for (let b = 0; b < blocks; b++, w += BYTES4, x += RECORD) {
    // Σ (q - 8) d = Σ q d - 8 Σ d
    let low0 = v128.load32_splat(x, 16)
    let low1 = low0
    let middle0 = v128.load32_splat(x, 20)
    let middle1 = middle0
    let high0 = v128.load32_splat(x, 24)
    let high1 = high0
    for (let g: usize = 0; g < 4; g++) {
      const w0 = v128.load(w + (g << 5), 16)
      const w1 = v128.load(w + (g << 5), 32)
      const digits = x + (g << 3)
      let a = v128.and(w0, mask)
      let b = v128.and(w1, mask)
      let d = v128.load32_splat(digits, 32)
      low0 = dot(low0, d, a)
      low1 = dot(low1, d, b)
      d = v128.load32_splat(digits, 64)
      middle0 = dot(middle0, d, a)
      middle1 = dot(middle1, d, b)
      d = v128.load32_splat(digits, 96)
      high0 = dot(high0, d, a)
      high1 = dot(high1, d, b)
      a = v128.and(i16x8.shr_u(w0, 4), mask)
      b = v128.and(i16x8.shr_u(w1, 4), mask)
      d = v128.load32_splat(digits, 36)
      low0 = dot(low0, d, a)
      low1 = dot(low1, d, b)
      d = v128.load32_splat(digits, 68)
      middle0 = dot(middle0, d, a)
      middle1 = dot(middle1, d, b)
      d = v128.load32_splat(digits, 100)
      high0 = dot(high0, d, a)
      high1 = dot(high1, d, b)
    }
    y0 = fma(joined(x, low0, middle0, high0), scales4(w), y0)
    y1 = fma(joined(x, low1, middle1, high1), scales4(w + 8), y1)
  }
  storeEight(y, y0, y1, width)
}
