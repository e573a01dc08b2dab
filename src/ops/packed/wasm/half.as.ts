/** Sign, exponent and fraction of the half in the upper 16 bits of each lane, at their places in an f32. */
function spread(t: v128): v128 {
  return v128.and(i32x4.shr_s(t, 3), i32x4.splat(0x8fffe000))
}

/**
 * Four halves, each in the upper 16 bits of a lane (whatever is below), as f32. Infinities and NaN do not
 * occur.
 */
export function halves4(t: v128): v128 {
  // 2^112: the exponents begin elsewhere. Exact for subnormals too.
  return f32x4.mul(spread(t), f32x4.splat(5.192296858534828e33))
}

/**
 * The same without arithmetic on f32 subnormals, which many processors are slow at: scales of small weights
 * may all be such. With the exponent rebased, u = ±2^(e - 15) (1 + m / 1024) is the value of a normal number,
 * and ±2^-15 (1 + m / 1024) stands for the subnormal ±m 2^-24: both values are 2 u less the larger of u and
 * ±2^-14.
 */
function steadyHalves4(t: v128): v128 {
  const u = i32x4.add(spread(t), i32x4.splat(0x38000000))
  const least = v128.or(v128.and(t, i32x4.splat(0x80000000)), i32x4.splat(0x38800000))
  return f32x4.sub(f32x4.add(u, u), i32x4.max_u(u, least))
}

/** Four scales at `block`. */
export function scales4(block: usize): v128 {
  return steadyHalves4(i32x4.shl(v128.load16x4_u(block), 16))
}

/** The half at `place`. */
export function half1(place: usize): f32 {
  return f32x4.extract_lane(steadyHalves4(i32x4.splat(load<u16>(place) << 16)), 0)
}
