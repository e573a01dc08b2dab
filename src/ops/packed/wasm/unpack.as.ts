import { word } from '../../matmul/wasm/finish.as.ts'
import { half1, halves4, scales4 } from './half.as.ts'

/** Panels [panels, K, 8] in f32, as `matmulTiles` takes them, of panels in 16 bits. Items: panels. */
export function packedUnpackF16(words: usize, packed: usize, K: i32, begin: i32, end: i32): void {
  for (let panel = begin; panel < end; panel++) {
    let w = word(words, panel * ((K + 1) / 2) * 8)
    let to = word(packed, panel * K * 8)
    for (let k = 0; k < K; k += 2, w += 32, to += 64) {
      const w0 = v128.load(w)
      const w1 = v128.load(w, 16)
      v128.store(to, halves4(i32x4.shl(w0, 16)))
      v128.store(to, halves4(i32x4.shl(w1, 16)), 16)
      if (k + 1 == K) break
      v128.store(to, halves4(w0), 32)
      v128.store(to, halves4(w1), 48)
    }
  }
}

/** The same of panels in 8 bits. */
export function packedUnpackQ8(words: usize, packed: usize, K: i32, begin: i32, end: i32): void {
  let w = word(words, begin * (K / 32) * 68)
  let to = word(packed, begin * K * 8)
  for (let block = begin * (K / 32); block < end * (K / 32); block++, w += 16) {
    const d0 = scales4(w)
    const d1 = scales4(w + 8)
    for (let g = 0; g < 8; g++, w += 32, to += 128) {
      const w0 = v128.load(w, 16)
      const w1 = v128.load(w, 32)
      v128.store(to, signed(i32x4.shl(w0, 24), d0))
      v128.store(to, signed(i32x4.shl(w1, 24), d1), 16)
      v128.store(to, signed(i32x4.shl(w0, 16), d0), 32)
      v128.store(to, signed(i32x4.shl(w1, 16), d1), 48)
      v128.store(to, signed(i32x4.shl(w0, 8), d0), 64)
      v128.store(to, signed(i32x4.shl(w1, 8), d1), 80)
      v128.store(to, signed(w0, d0), 96)
      v128.store(to, signed(w1, d1), 112)
    }
  }
}

/** d times the int8 in the upper bits. */
function signed(w: v128, d: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(w, 24)), d)
}

/** The same of panels in 4 bits. */
export function packedUnpackQ4(words: usize, packed: usize, K: i32, begin: i32, end: i32): void {
  let w = word(words, begin * (K / 32) * 36)
  let to = word(packed, begin * K * 8)
  for (let block = begin * (K / 32); block < end * (K / 32); block++, w += 16) {
    const d0 = scales4(w)
    const d1 = scales4(w + 8)
    for (let g = 0; g < 4; g++, w += 32, to += 256) {
      const w0 = v128.load(w, 16)
      const w1 = v128.load(w, 32)
      for (let i = 0; i < 4; i++) {
        const at = to + ((<usize>i) << 5)
        v128.store(at, centred(i32x4.shr_u(w0, i << 3), d0))
        v128.store(at, centred(i32x4.shr_u(w1, i << 3), d1), 16)
        v128.store(at, centred(i32x4.shr_u(w0, (i << 3) + 4), d0), 128)
        v128.store(at, centred(i32x4.shr_u(w1, (i << 3) + 4), d1), 144)
      }
    }
  }
}

/** d (q - 8) of the lowest 4 bits. */
function centred(w: v128, d: v128): v128 {
  const q = i32x4.sub(v128.and(w, i32x4.splat(15)), i32x4.splat(8))
  return f32x4.mul(f32x4.convert_i32x4_s(q), d)
}

/** y [T, K] = W[tokens], a token outside taking the nearest of the N rows; bits 16, 8 or 4. Items: tokens. */
export function packedRows(
  tokens: usize,
  words: usize,
  y: usize,
  N: i32,
  K: i32,
  bits: i32,
  begin: i32,
  end: i32,
): void {
  const panelWords = bits == 16 ? ((K + 1) / 2) * 8 : (K / 32) * (bits == 8 ? 68 : 36)
  for (let t = begin; t < end; t++) {
    const row = min<i32>(max<i32>(load<i32>(word(tokens, t)), 0), N - 1)
    const panel = word(words, (row >> 3) * panelWords)
    const lane = <usize>(row & 7)
    const to = word(y, t * K)
    if (bits == 16) {
      for (let k = 0; k < K; k++) {
        const at = panel + ((<usize>(k >> 1)) << 5) + (lane << 2) + ((<usize>(k & 1)) << 1)
        store<f32>(word(to, k), half1(at))
      }
      continue
    }
    for (let k = 0; k < K; k += 32) {
      const block = word(panel, (k / 32) * (bits == 8 ? 68 : 36))
      const d = half1(block + (lane << 1))
      const first = block + 16 + (lane << 2)
      if (bits == 8) {
        for (let i = 0; i < 32; i++) {
          const at = first + ((<usize>(i >> 2)) << 5) + <usize>(i & 3)
          store<f32>(word(to, k + i), d * <f32>load<i8>(at))
        }
      } else {
        for (let i = 0; i < 32; i++) {
          const at = first + ((<usize>(i >> 3)) << 5) + <usize>(i & 3)
          const q = (<i32>load<u8>(at) >> (i & 4)) & 15
          store<f32>(word(to, k + i), d * <f32>(q - 8))
        }
      }
    }
  }
}
