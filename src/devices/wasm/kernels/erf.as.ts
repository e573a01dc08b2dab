/** The error function, and the two forms of GELU that are made of it and of tanh. Errors as in math.as.ts. */
import { exp4, expMinus4, fma, sigmoid4 } from './math.as'

/**
 * exp(-h x²), h exactly a power of two. A rounding of x² would be multiplied by x² in the result: what it
 * lost is taken into account to first order. Error 2e-7.
 */
function gaussian(x: v128, h: v128): v128 {
  const a = f32x4.pmin(f32x4.abs(x), f32x4.splat(16))
  const high = v128.and(a, i32x4.splat(0xfffff000))
  const square = f32x4.mul(a, a)
  const lost = f32x4.add(
    f32x4.sub(f32x4.mul(high, high), square),
    f32x4.mul(f32x4.sub(a, high), f32x4.add(a, high)),
  )
  const y = exp4(f32x4.mul(square, f32x4.neg(h)))
  return f32x4.sub(y, f32x4.mul(y, f32x4.mul(lost, h)))
}

/** exp(z²) erfc(z) of z >= 0, a polynomial in u = (z - 3) / (z + 3) times t = 3 / (z + 3). Error 3e-7. */
function scaledErfc(z: v128): v128 {
  const t = f32x4.div(f32x4.splat(3), f32x4.add(z, f32x4.splat(3)))
  const u = f32x4.sub(f32x4.splat(1), f32x4.add(t, t))
  let p = fma(f32x4.splat(-0.000104904902), u, f32x4.splat(-0.000154498688))
  p = fma(p, u, f32x4.splat(0.00102760573))
  p = fma(p, u, f32x4.splat(-0.000412695954))
  p = fma(p, u, f32x4.splat(-0.0089478036))
  p = fma(p, u, f32x4.splat(0.0398437791))
  p = fma(p, u, f32x4.splat(-0.103488453))
  p = fma(p, u, f32x4.splat(0.196742713))
  p = fma(p, u, f32x4.splat(-0.294464827))
  p = fma(p, u, f32x4.splat(0.358002305))
  return f32x4.mul(t, p)
}

/** erf(x): x P(x²) for |x| < 1, else from its complement. Error 2e-7. */
export function erf4(x: v128): v128 {
  const a = f32x4.abs(x)
  const x2 = f32x4.mul(x, x)
  let p = fma(f32x4.splat(7.85389129e-5), x2, f32x4.splat(-0.00080102036))
  p = fma(p, x2, f32x4.splat(0.00518832915))
  p = fma(p, x2, f32x4.splat(-0.0268538129))
  p = fma(p, x2, f32x4.splat(0.112835854))
  p = fma(p, x2, f32x4.splat(-0.37612626))
  p = fma(p, x2, f32x4.splat(1.12837926))
  const near = f32x4.mul(p, x)
  const one = f32x4.splat(1)
  const far = f32x4.sub(one, f32x4.mul(gaussian(a, one), scaledErfc(a)))
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)))
  return v128.bitselect(near, signed, f32x4.lt(a, one))
}

export function erf1(x: f32): f32 {
  return f32x4.extract_lane(erf4(f32x4.splat(x)), 0)
}

/**
 * The normal distribution function of x, from g = exp(-x² / 2): the upper tail is erfc(|x| / sqrt(2)) / 2.
 */
function distribution(x: v128, g: v128): v128 {
  const half = f32x4.splat(0.5)
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.707106781))
  const tail = f32x4.mul(f32x4.mul(g, half), scaledErfc(z))
  return v128.bitselect(tail, f32x4.sub(f32x4.splat(1), tail), f32x4.lt(x, f32x4.splat(0)))
}

/** GELU (the exact one): x Φ(x). Error 5e-7, tails included. */
export function gelu4(x: v128): v128 {
  return f32x4.mul(x, distribution(x, gaussian(x, f32x4.splat(0.5))))
}

export function gelu1(x: f32): f32 {
  return f32x4.extract_lane(gelu4(f32x4.splat(x)), 0)
}

/** gelu'(x) = Φ(x) + x φ(x). Absolute error 2e-7 (it has a zero at -0.75). */
export function geluGrad4(x: v128): v128 {
  const g = gaussian(x, f32x4.splat(0.5))
  return fma(f32x4.mul(x, f32x4.splat(0.39894228)), g, distribution(x, g))
}

export function geluGrad1(x: f32): f32 {
  return f32x4.extract_lane(geluGrad4(f32x4.splat(x)), 0)
}

/** 2 sqrt(2 / pi) (x + 0.044715 x³): GELU's tanh form is x sigmoid of this. */
function geluTanhArgument(x: v128): v128 {
  const x2 = f32x4.mul(x, x)
  return f32x4.mul(x, fma(x2, f32x4.splat(0.0713548163), f32x4.splat(1.59576912)))
}

/** The tanh form of GELU, 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x³))). Error 1e-6 above -3. */
export function geluTanh4(x: v128): v128 {
  return f32x4.mul(x, sigmoid4(geluTanhArgument(x)))
}

export function geluTanh1(x: f32): f32 {
  return f32x4.extract_lane(geluTanh4(f32x4.splat(x)), 0)
}

/** Its derivative: s + x s (1 - s) v', s = sigmoid(v). Absolute error 2e-7. */
export function geluTanhGrad4(x: v128): v128 {
  const one = f32x4.splat(1)
  const e = expMinus4(geluTanhArgument(x))
  const s = f32x4.div(one, f32x4.add(one, e))
  const dv = fma(f32x4.mul(x, x), f32x4.splat(0.214064449), f32x4.splat(1.59576912))
  return f32x4.mul(s, fma(f32x4.mul(x, dv), f32x4.mul(e, s), one))
}

export function geluTanhGrad1(x: f32): f32 {
  return f32x4.extract_lane(geluTanhGrad4(f32x4.splat(x)), 0)
}
