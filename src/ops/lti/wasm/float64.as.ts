/** Scalar f64 functions, a few units in the last place, from series: kernels have no tables. */

/** e^x = 2^n e^r; 0 and infinity are not reached: x is held within 700 of zero. */
export function exp64(x: f64): f64 {
  const held = max<f64>(min<f64>(x, 700), -700)
  const n = nearest<f64>(held * 1.4426950408889634)
  // ln(2) in two parts; n times the first is exact.
  const r = held - n * 0.6931471803691238 - n * 1.9082149292705877e-10
  let sum: f64 = 1
  for (let k: f64 = 14; k >= 1; k--) sum = 1 + (sum * r) / k
  return sum * reinterpret<f64>((<i64>n + 1023) << 52)
}

/** e^x - 1, also of small x. */
export function expm164(x: f64): f64 {
  if (abs<f64>(x) > 0.35) return exp64(x) - 1
  let sum: f64 = 1
  for (let k: f64 = 14; k >= 2; k--) sum = 1 + (sum * x) / k
  return sum * x
}

/** cos(y) if `quarter` is 0, sin(y) if it is 3: cos(y + quarter π/2). For |y| below 10^5. */
function wave64(y: f64, quarter: i32): f64 {
  const q = nearest<f64>(y * 0.6366197723675814)
  // π/2 in two parts; q times the first is exact.
  const r = y - q * 1.5707963267341256 - q * 6.077100506506192e-11
  const at = (<i32>q + quarter) & 3
  const r2 = r * r
  let sum: f64 = 1
  if ((at & 1) == 0) {
    for (let k: f64 = 18; k >= 2; k -= 2) sum = 1 - (sum * r2) / (k * (k - 1))
  } else {
    for (let k: f64 = 19; k >= 3; k -= 2) sum = 1 - (sum * r2) / (k * (k - 1))
    sum *= r
  }
  // cos(r), -sin(r), -cos(r), sin(r)
  return at == 1 || at == 2 ? -sum : sum
}

export function cos64(y: f64): f64 {
  return wave64(y, 0)
}

export function sin64(y: f64): f64 {
  return wave64(y, 3)
}
