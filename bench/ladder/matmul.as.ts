// What one would write first, and next: y [M, N] = a [M, K] b [K, N], and y [N] = W [N, K] x.

/** Step 0: the definition. b is read down its columns. */
export function matmulScalar(a: usize, b: usize, y: usize, M: i32, N: i32, K: i32): void {
  for (let m = 0; m < M; m++) {
    for (let n = 0; n < N; n++) {
      let sum: f32 = 0
      for (let k = 0; k < K; k++) sum += load<f32>(word(a, m * K + k)) * load<f32>(word(b, k * N + n))
      store<f32>(word(y, m * N + n), sum)
    }
  }
}

/** Step 1: rows of b are added to a row of y, four columns at a time. */
export function matmulRows(a: usize, b: usize, y: usize, M: i32, N: i32, K: i32): void {
  for (let m = 0; m < M; m++) {
    const row = word(y, m * N)
    for (let n = 0; n < N; n += 4) v128.store(word(row, n), f32x4.splat(0))
    for (let k = 0; k < K; k++) {
      const factor = v128.load32_splat(word(a, m * K + k))
      const from = word(b, k * N)
      for (let n = 0; n < N; n += 4) {
        const at = word(row, n)
        v128.store(at, fma(factor, v128.load(word(from, n)), v128.load(at)))
      }
    }
  }
}

/** Step 2: 4 × 8 sums stay in registers; b lies as it came. */
export function matmulTile(a: usize, b: usize, y: usize, M: i32, N: i32, K: i32): void {
  for (let m = 0; m < M; m += 4) {
    for (let n = 0; n < N; n += 8) {
      let s00 = f32x4.splat(0)
      let s01 = s00
      let s10 = s00
      let s11 = s00
      let s20 = s00
      let s21 = s00
      let s30 = s00
      let s31 = s00
      for (let k = 0; k < K; k++) {
        const at = word(b, k * N + n)
        const b0 = v128.load(at)
        const b1 = v128.load(at, 16)
        let x = v128.load32_splat(word(a, m * K + k))
        s00 = fma(x, b0, s00)
        s01 = fma(x, b1, s01)
        x = v128.load32_splat(word(a, (m + 1) * K + k))
        s10 = fma(x, b0, s10)
        s11 = fma(x, b1, s11)
        x = v128.load32_splat(word(a, (m + 2) * K + k))
        s20 = fma(x, b0, s20)
        s21 = fma(x, b1, s21)
        x = v128.load32_splat(word(a, (m + 3) * K + k))
        s30 = fma(x, b0, s30)
        s31 = fma(x, b1, s31)
      }
      storePair(word(y, m * N + n), s00, s01)
      storePair(word(y, (m + 1) * N + n), s10, s11)
      storePair(word(y, (m + 2) * N + n), s20, s21)
      storePair(word(y, (m + 3) * N + n), s30, s31)
    }
  }
}

/** Step 0: the definition. */
export function matvecScalar(W: usize, x: usize, y: usize, N: i32, K: i32): void {
  for (let n = 0; n < N; n++) {
    let sum: f32 = 0
    for (let k = 0; k < K; k++) sum += load<f32>(word(W, n * K + k)) * load<f32>(word(x, k))
    store<f32>(word(y, n), sum)
  }
}

/** Step 1: four lanes, one chain of sums. */
export function matvecVector(W: usize, x: usize, y: usize, N: i32, K: i32): void {
  for (let n = 0; n < N; n++) {
    let sums = f32x4.splat(0)
    for (let k = 0; k < K; k += 4) sums = fma(v128.load(word(W, n * K + k)), v128.load(word(x, k)), sums)
    store<f32>(word(y, n), total(sums))
  }
}

function total(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) +
    f32x4.extract_lane(x, 1) +
    (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
  )
}

function storePair(at: usize, low: v128, high: v128): void {
  v128.store(at, low)
  v128.store(at, high, 16)
}

function fma(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c)
}

function word(base: usize, index: i32): usize {
  return base + ((<usize>index) << 2)
}
