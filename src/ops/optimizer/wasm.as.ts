import { sum4 } from '../../devices/wasm/kernels/math.as.ts'

/** Elements that one partial sum covers. */
const BLOCK: i32 = 16384

/**
 * One step of AdamW; see `adamWStep` for the formula. gradientScale [1] may be absent (1). Items: elements.
 */
export function adamWStep(
  parameter: usize,
  gradient: usize,
  m: usize,
  v: usize,
  hyper: usize,
  gradientScale: usize,
  begin: i32,
  end: i32,
): void {
  const lr = load<f32>(hyper)
  const beta1 = load<f32>(hyper, 4)
  const beta2 = load<f32>(hyper, 8)
  const eps = f32x4.splat(load<f32>(hyper, 12))
  const keep = f32x4.splat(1 - lr * load<f32>(hyper, 16))
  const rate = f32x4.splat(lr / load<f32>(hyper, 20))
  const correction2 = f32x4.splat(load<f32>(hyper, 24))
  const factor: f32 = gradientScale !== 0 ? load<f32>(gradientScale) : 1
  if (factor - factor !== 0) return
  const scale = f32x4.splat(factor)
  const b1 = f32x4.splat(beta1)
  const c1 = f32x4.splat(1 - beta1)
  const b2 = f32x4.splat(beta2)
  const c2 = f32x4.splat(1 - beta2)
  for (let i = begin; i < end; i += 4) {
    const at = (<usize>i) << 2
    const left = end - i
    // The tail goes through lane 0, one element at a time.
    const whole = left >= 4
    const g = f32x4.mul(scale, whole ? v128.load(gradient + at) : v128.load32_splat(gradient + at))
    const m0 = whole ? v128.load(m + at) : v128.load32_splat(m + at)
    const v0 = whole ? v128.load(v + at) : v128.load32_splat(v + at)
    const p0 = whole ? v128.load(parameter + at) : v128.load32_splat(parameter + at)
    const m1 = f32x4.add(f32x4.mul(b1, m0), f32x4.mul(c1, g))
    const v1 = f32x4.add(f32x4.mul(b2, v0), f32x4.mul(f32x4.mul(c2, g), g))
    const root = f32x4.add(f32x4.sqrt(f32x4.div(v1, correction2)), eps)
    const p1 = f32x4.sub(f32x4.mul(keep, p0), f32x4.div(f32x4.mul(rate, m1), root))
    if (whole) {
      v128.store(m + at, m1)
      v128.store(v + at, v1)
      v128.store(parameter + at, p1)
    } else {
      store<f32>(m + at, f32x4.extract_lane(m1, 0))
      store<f32>(v + at, f32x4.extract_lane(v1, 0))
      store<f32>(parameter + at, f32x4.extract_lane(p1, 0))
      i -= 3
    }
  }
}

/** partials [ceil(size / 16384)]: Σ x² of each block. Items: blocks. */
export function sumOfSquaresBlocks(x: usize, partials: usize, size: i32, begin: i32, end: i32): void {
  for (let block = begin; block < end; block++) {
    const last = min<i32>(block * BLOCK + BLOCK, size)
    let i = block * BLOCK
    let a = f32x4.splat(0)
    let b = a
    let c = a
    let d = a
    for (; i + 16 <= last; i += 16) {
      const at = x + ((<usize>i) << 2)
      const x0 = v128.load(at)
      const x1 = v128.load(at, 16)
      const x2 = v128.load(at, 32)
      const x3 = v128.load(at, 48)
      a = f32x4.add(a, f32x4.mul(x0, x0))
      b = f32x4.add(b, f32x4.mul(x1, x1))
      c = f32x4.add(c, f32x4.mul(x2, x2))
      d = f32x4.add(d, f32x4.mul(x3, x3))
    }
    let sum = sum4(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
    for (; i < last; i++) {
      const each = load<f32>(x + ((<usize>i) << 2))
      sum += each * each
    }
    store<f32>(partials + ((<usize>block) << 2), sum)
  }
}

function sumOf(x: usize, size: i32): f64 {
  let sum: f64 = 0
  for (let i = 0; i < size; i++) sum += <f64>load<f32>(x + ((<usize>i) << 2))
  return sum
}

/** squares [1] = Σ partials. Items: 1. */
export function sumOfSquaresTotal(partials: usize, squares: usize, size: i32, begin: i32, end: i32): void {
  if (begin < end) store<f32>(squares, <f32>sumOf(partials, size))
}

/**
 * norm [1] = sqrt(Σ squares); factor [1] = min(1, maxNorm / (norm + 1e-6)). maxNorm 0: no limit. Items: 1.
 */
export function clipFactor(
  squares: usize,
  norm: usize,
  factor: usize,
  size: i32,
  maxNorm: f32,
  begin: i32,
  end: i32,
): void {
  if (begin >= end) return
  const n = <f32>sqrt<f64>(sumOf(squares, size))
  const limited: f32 = maxNorm === 0 ? 1 : min<f32>(1, maxNorm / (n + <f32>1e-6))
  store<f32>(norm, n)
  store<f32>(factor, n - n === 0 ? limited : <f32>NaN)
}
