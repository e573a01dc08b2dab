// What the machine can do at most through WebAssembly: see limits.ts.

/** 12 chains of multiply-adds on 4 lanes, `count` long: 96 floating-point operations a turn. */
export function multiplyAdd(count: i32): f32 {
  const a = f32x4.splat(0.9999)
  const b = f32x4.splat(0.0001)
  let s0 = a,
    s1 = a,
    s2 = a,
    s3 = a,
    s4 = a,
    s5 = a
  let s6 = b,
    s7 = b,
    s8 = b,
    s9 = b,
    s10 = b,
    s11 = b
  for (let i = 0; i < count; i++) {
    s0 = fma(s0, a, b)
    s1 = fma(s1, a, b)
    s2 = fma(s2, a, b)
    s3 = fma(s3, a, b)
    s4 = fma(s4, a, b)
    s5 = fma(s5, a, b)
    s6 = fma(s6, a, b)
    s7 = fma(s7, a, b)
    s8 = fma(s8, a, b)
    s9 = fma(s9, a, b)
    s10 = fma(s10, a, b)
    s11 = fma(s11, a, b)
  }
  const left = f32x4.add(f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)), f32x4.add(s4, s5))
  const right = f32x4.add(f32x4.add(f32x4.add(s6, s7), f32x4.add(s8, s9)), f32x4.add(s10, s11))
  return f32x4.extract_lane(f32x4.add(left, right), 0)
}

// @ts-ignore: decorator
function fma(x: v128, a: v128, b: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(x, a, b)
  return f32x4.add(f32x4.mul(x, a), b)
}

/** Exclusive or of `bytes` bytes from `from` on, 128 at a turn. */
export function readAll(from: usize, bytes: usize): i32 {
  let s0 = i32x4.splat(0),
    s1 = s0,
    s2 = s0,
    s3 = s0,
    s4 = s0,
    s5 = s0,
    s6 = s0,
    s7 = s0
  const end = from + bytes
  for (let at = from; at < end; at += 128) {
    s0 = v128.xor(s0, v128.load(at))
    s1 = v128.xor(s1, v128.load(at, 16))
    s2 = v128.xor(s2, v128.load(at, 32))
    s3 = v128.xor(s3, v128.load(at, 48))
    s4 = v128.xor(s4, v128.load(at, 64))
    s5 = v128.xor(s5, v128.load(at, 80))
    s6 = v128.xor(s6, v128.load(at, 96))
    s7 = v128.xor(s7, v128.load(at, 112))
  }
  const sum = v128.xor(
    v128.xor(v128.xor(s0, s1), v128.xor(s2, s3)),
    v128.xor(v128.xor(s4, s5), v128.xor(s6, s7)),
  )
  return i32x4.extract_lane(sum, 0)
}
