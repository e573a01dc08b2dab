/**
 * Vector math for kernels: `f4` functions take and give four f32 lanes, `f1` one f32. An `f1` function is
 * lane 0 of its `f4` twin, so an element has the same bits in the main loop and in the tail, wherever the
 * threads' shares begin.
 *
 * Errors are the largest relative ones that src/devices/wasm/math.test.ts measures, in both builds. NaN
 * passes through. No tables: kernels have no static data.
 */

/** a b + c: one rounding in the relaxed build (where the machine has it), two in the base build. */
export function fma(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

export function fma1(a: f32, b: f32, c: f32): f32 {
  if (ASC_FEATURE_RELAXED_SIMD) {
    return f32x4.extract_lane(f32x4.relaxed_madd(f32x4.splat(a), f32x4.splat(b), f32x4.splat(c)), 0)
  }
  return a * b + c
}

/** (x0 + x1) + (x2 + x3) */
export function sum4(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) +
    f32x4.extract_lane(x, 1) +
    (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  )
}

export function max4(x: v128): f32 {
  const a = max<f32>(f32x4.extract_lane(x, 0), f32x4.extract_lane(x, 1))
  const b = max<f32>(f32x4.extract_lane(x, 2), f32x4.extract_lane(x, 3))
  return max<f32>(a, b)
}

/**
 * exp(x) = 2^n e^r, |r| <= ln(2) / 2, e^r = 1 + r + r² P(r). Error 1e-7.
 * 0 below -87.68, infinite above 88.37 (where n would be 128).
 */
export function exp4(x: v128): v128 {
  // pmin and pmax keep a NaN that comes first.
  const c = f32x4.pmax(f32x4.pmin(x, f32x4.splat(89)), f32x4.splat(-88))
  // Adding 1.5 * 2^23 rounds to an integer, which then stands in the low bits.
  const magic = f32x4.splat(12582912)
  const t = fma(c, f32x4.splat(1.44269504), magic)
  const n = f32x4.sub(t, magic)
  // ln(2) in two parts; n times the first is exact.
  const r = fma(n, f32x4.splat(2.1219444e-4), fma(n, f32x4.splat(-0.693359375), c))
  let p = fma(f32x4.splat(0.00138146023), r, f32x4.splat(0.00836871564))
  p = fma(p, r, f32x4.splat(0.041668389))
  p = fma(p, r, f32x4.splat(0.166665211))
  p = fma(p, r, f32x4.splat(0.49999994))
  p = fma(fma(p, r, f32x4.splat(1)), r, f32x4.splat(1))
  const scale = i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000))
  return f32x4.mul(p, scale)
}

export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0)
}

/**
 * log(x) = e ln(2) + log(m), m in [sqrt(1/2), sqrt(2)), log(1 + f) = f - f²/2 + f³ P(f). Error 1e-7.
 * -infinity at 0, NaN below.
 */
export function log4(x: v128): v128 {
  const tiny = f32x4.lt(x, f32x4.splat(1.17549435e-38))
  const normal = v128.bitselect(f32x4.mul(x, f32x4.splat(8388608)), x, tiny)
  const root = i32x4.splat(0x3f3504f3)
  const i = i32x4.sub(normal, root)
  const e = f32x4.sub(f32x4.convert_i32x4_s(i32x4.shr_s(i, 23)), v128.and(tiny, f32x4.splat(23)))
  const m = i32x4.add(v128.and(i, i32x4.splat(0x7fffff)), root)
  const f = f32x4.sub(m, f32x4.splat(1))
  let p = fma(f32x4.splat(-0.076344967), f, f32x4.splat(0.127615765))
  p = fma(p, f, f32x4.splat(-0.131601825))
  p = fma(p, f, f32x4.splat(0.142017573))
  p = fma(p, f, f32x4.splat(-0.166233569))
  p = fma(p, f, f32x4.splat(0.200012267))
  p = fma(p, f, f32x4.splat(-0.250008196))
  p = fma(p, f, f32x4.splat(0.333333313))
  const f2 = f32x4.mul(f, f)
  let y = f32x4.mul(f32x4.mul(p, f), f2)
  y = fma(e, f32x4.splat(-2.1219444e-4), y)
  y = f32x4.add(fma(f2, f32x4.splat(-0.5), y), f)
  y = fma(e, f32x4.splat(0.693359375), y)
  const zero = f32x4.splat(0)
  const infinity = f32x4.splat(Infinity)
  const low = v128.bitselect(f32x4.neg(infinity), f32x4.splat(NaN), f32x4.eq(x, zero))
  const positive = f32x4.gt(x, zero)
  return v128.bitselect(v128.bitselect(y, x, f32x4.lt(x, infinity)), low, positive)
}

export function log1(x: f32): f32 {
  return f32x4.extract_lane(log4(f32x4.splat(x)), 0)
}

/** log(1 + x), also of small x: log(u) + c / u, where u + c = 1 + x exactly. Error 2e-7. */
export function log1p4(x: v128): v128 {
  const one = f32x4.splat(1)
  const u = f32x4.add(x, one)
  const v = f32x4.sub(u, one)
  const c = f32x4.add(f32x4.sub(x, v), f32x4.sub(one, f32x4.sub(u, v)))
  const y = log4(u)
  const inside = v128.and(f32x4.gt(u, f32x4.splat(0)), f32x4.lt(u, f32x4.splat(Infinity)))
  return v128.bitselect(f32x4.add(y, f32x4.div(c, u)), y, inside)
}

export function log1p1(x: f32): f32 {
  return f32x4.extract_lane(log1p4(f32x4.splat(x)), 0)
}

/** log(1 + e) of e in [0, 1]: 2 artanh(s), s = e / (2 + e). Error 2e-7. */
function log1pUnit(e: v128): v128 {
  const s = f32x4.div(e, f32x4.add(e, f32x4.splat(2)))
  const s2 = f32x4.mul(s, s)
  let p = fma(f32x4.splat(0.140059933), s2, f32x4.splat(0.140009031))
  p = fma(p, s2, f32x4.splat(0.200107634))
  p = fma(p, s2, f32x4.splat(0.333332092))
  const twice = f32x4.add(s, s)
  return fma(f32x4.mul(p, s2), twice, twice)
}

/** log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)); x itself above 20. Error 2e-7, down to x = -87. */
export function softplus4(x: v128): v128 {
  const y = f32x4.add(f32x4.pmax(x, f32x4.splat(0)), log1pUnit(exp4(f32x4.neg(f32x4.abs(x)))))
  return v128.bitselect(x, y, f32x4.gt(x, f32x4.splat(20)))
}

export function softplus1(x: f32): f32 {
  return f32x4.extract_lane(softplus4(f32x4.splat(x)), 0)
}

/** 1 / (1 + exp(-x)). Error 2e-7, down to x = -88. Also softplus'(x). */
export function sigmoid4(x: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(x))))
}

export function sigmoid1(x: f32): f32 {
  return f32x4.extract_lane(sigmoid4(f32x4.splat(x)), 0)
}

/** x sigmoid(x). Error 2e-7. */
export function silu4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(x))
}

export function silu1(x: f32): f32 {
  return f32x4.extract_lane(silu4(f32x4.splat(x)), 0)
}

/** exp(-x), but finite: with it, 1 - sigmoid(x) is e sigmoid(x), which does not cancel. */
export function expMinus4(x: v128): v128 {
  return f32x4.pmin(exp4(f32x4.neg(x)), f32x4.splat(1e38))
}

/** silu(x) from e = expMinus4(x), which silu'(x) takes too. */
export function siluOf4(x: v128, e: v128): v128 {
  const one = f32x4.splat(1)
  return f32x4.mul(x, f32x4.div(one, f32x4.add(one, e)))
}

/** silu'(x) = s (1 + x (1 - s)), s = sigmoid(x), from e = expMinus4(x). */
export function siluGradOf4(x: v128, e: v128): v128 {
  const one = f32x4.splat(1)
  const s = f32x4.div(one, f32x4.add(one, e))
  return f32x4.mul(s, fma(x, f32x4.mul(e, s), one))
}

/** silu'(x). Absolute error 2e-7 (it has a zero at -1.28). */
export function siluGrad4(x: v128): v128 {
  return siluGradOf4(x, expMinus4(x))
}

export function siluGrad1(x: f32): f32 {
  return f32x4.extract_lane(siluGrad4(f32x4.splat(x)), 0)
}

/** tanh(x): x + x³ P(x²) for |x| < 0.625, else 1 - 2 / (exp(2 |x|) + 1) with the sign of x. Error 2e-7. */
export function tanh4(x: v128): v128 {
  const one = f32x4.splat(1)
  const x2 = f32x4.mul(x, x)
  let p = fma(f32x4.splat(-0.00570498733), x2, f32x4.splat(0.020639088))
  p = fma(p, x2, f32x4.splat(-0.0537397154))
  p = fma(p, x2, f32x4.splat(0.133314416))
  p = fma(p, x2, f32x4.splat(-0.333332807))
  const near = fma(f32x4.mul(p, x2), x, x)
  const a = f32x4.abs(x)
  const e = exp4(f32x4.add(a, a))
  const far = f32x4.sub(one, f32x4.div(f32x4.splat(2), f32x4.add(e, one)))
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)))
  return v128.bitselect(near, signed, f32x4.lt(a, f32x4.splat(0.625)))
}

export function tanh1(x: f32): f32 {
  return f32x4.extract_lane(tanh4(f32x4.splat(x)), 0)
}
