function combine(most: i32, p: v128, q: v128): v128 {
  return most != 0 ? f32x4.max(p, q) : f32x4.add(p, q)
}

function combineOne(most: i32, p: f32, q: f32): f32 {
  return most != 0 ? max(p, q) : p + q
}

/** The sum, or the largest, of `count` >= 1 values in a row. */
function reduceRun(x: usize, count: i32, most: i32): f32 {
  let i = 1
  let total = load<f32>(x)
  if (count >= 16) {
    let s0 = v128.load(x)
    let s1 = v128.load(x, 16)
    let s2 = v128.load(x, 32)
    let s3 = v128.load(x, 48)
    for (i = 16; i + 16 <= count; i += 16) {
      const at = x + ((<usize>i) << 2)
      s0 = combine(most, s0, v128.load(at))
      s1 = combine(most, s1, v128.load(at, 16))
      s2 = combine(most, s2, v128.load(at, 32))
      s3 = combine(most, s3, v128.load(at, 48))
    }
    const s = combine(most, combine(most, s0, s1), combine(most, s2, s3))
    total = combineOne(
      most,
      combineOne(most, f32x4.extract_lane(s, 0), f32x4.extract_lane(s, 1)),
      combineOne(most, f32x4.extract_lane(s, 2), f32x4.extract_lane(s, 3)),
    )
  }
  for (; i < count; i++) total = combineOne(most, total, load<f32>(x + ((<usize>i) << 2)))
  return total
}

/** y [outer, slices] = factor · Σ (or max) of slices of x [outer, n]. Items: outer · slices. */
export function reduceRuns(
  x: usize,
  y: usize,
  n: i32,
  slices: i32,
  slice: i32,
  most: i32,
  factor: f32,
  begin: i32,
  end: i32,
): void {
  for (let item = begin; item < end; item++) {
    const first = (item % slices) * slice
    const from = x + ((<usize>((item / slices) * n + first)) << 2)
    store<f32>(y + ((<usize>item) << 2), factor * reduceRun(from, min(slice, n - first), most))
  }
}

/**
 * y [outer, slices, inner] = factor · Σ (or max) over slices of the middle axis of x [outer, n, inner].
 * Items: outer · slices · blocks of columns.
 */
export function reduceColumns(
  x: usize,
  y: usize,
  n: i32,
  inner: i32,
  slices: i32,
  slice: i32,
  block: i32,
  most: i32,
  factor: f32,
  begin: i32,
  end: i32,
): void {
  const blocks = (inner + block - 1) / block
  const factors = f32x4.splat(factor)
  for (let item = begin; item < end; item++) {
    const column = (item % blocks) * block
    const part = item / blocks
    const first = (part % slices) * slice
    const rows = min(slice, n - first)
    const width = min(block, inner - column)
    let from = x + ((<usize>(((part / slices) * n + first) * inner + column)) << 2)
    const to = y + ((<usize>(part * inner + column)) << 2)
    memory.copy(to, from, (<usize>width) << 2)
    for (let row = 1; row < rows; row++) {
      from += (<usize>inner) << 2
      let i = 0
      for (; i + 4 <= width; i += 4) {
        const at = (<usize>i) << 2
        v128.store(to + at, combine(most, v128.load(to + at), v128.load(from + at)))
      }
      for (; i < width; i++) {
        const at = (<usize>i) << 2
        store<f32>(to + at, combineOne(most, load<f32>(to + at), load<f32>(from + at)))
      }
    }
    if (factor == 1) continue
    let i = 0
    for (; i + 4 <= width; i += 4)
      v128.store(to + ((<usize>i) << 2), f32x4.mul(v128.load(to + ((<usize>i) << 2)), factors))
    for (; i < width; i++) store<f32>(to + ((<usize>i) << 2), load<f32>(to + ((<usize>i) << 2)) * factor)
  }
}

/** y [outer, n, inner] = factor · x [outer, inner]. Items: outer · n. */
export function reduceRepeat(
  x: usize,
  y: usize,
  n: i32,
  inner: i32,
  factor: f32,
  begin: i32,
  end: i32,
): void {
  const factors = f32x4.splat(factor)
  for (let item = begin; item < end; item++) {
    const from = x + ((<usize>((item / n) * inner)) << 2)
    const to = y + ((<usize>(item * inner)) << 2)
    let i = 0
    for (; i + 4 <= inner; i += 4) {
      const at = (<usize>i) << 2
      v128.store(to + at, f32x4.mul(v128.load(from + at), factors))
    }
    for (; i < inner; i++) {
      const at = (<usize>i) << 2
      store<f32>(to + at, load<f32>(from + at) * factor)
    }
  }
}

/** y [outer, n] = factor · x [outer]; `inner` is 1. Items: outer. */
export function reduceSpread(
  x: usize,
  y: usize,
  n: i32,
  inner: i32,
  factor: f32,
  begin: i32,
  end: i32,
): void {
  for (let item = begin; item < end; item++) {
    const value = load<f32>(x + ((<usize>item) << 2)) * factor
    const values = f32x4.splat(value)
    const to = y + ((<usize>(item * n * inner)) << 2)
    let i = 0
    for (; i + 4 <= n; i += 4) v128.store(to + ((<usize>i) << 2), values)
    for (; i < n; i++) store<f32>(to + ((<usize>i) << 2), value)
  }
}

/** dx [outer, n, inner]: dy [outer, inner] at the first x that is y, zero elsewhere. Items: outer · inner. */
export function reduceMaxBackward(
  x: usize,
  y: usize,
  dy: usize,
  dx: usize,
  n: i32,
  inner: i32,
  begin: i32,
  end: i32,
): void {
  for (let item = begin; item < end; item++) {
    const largest = load<f32>(y + ((<usize>item) << 2))
    let gradient = load<f32>(dy + ((<usize>item) << 2))
    let at = (<usize>((item / inner) * n * inner + (item % inner))) << 2
    for (let k = 0; k < n; k++, at += (<usize>inner) << 2) {
      const here = load<f32>(x + at) == largest
      store<f32>(dx + at, here ? gradient : 0)
      if (here) gradient = 0
    }
  }
}
