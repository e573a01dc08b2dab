// What one would write first, and next: one sequence of the selective scan (delta made positive before) and
// of SSD (one group).

/** Step 0: the definition, h [E, N] in memory: h = exp(dt A) h + dt B u, y = C h + D u. */
export function scanScalar(
  u: usize,
  dt: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  h: usize,
  y: usize,
  L: i32,
  E: i32,
  N: i32,
): void {
  for (let t = 0; t < L; t++) {
    for (let e = 0; e < E; e++) {
      const x = load<f32>(word(u, t * E + e))
      const step = load<f32>(word(dt, t * E + e))
      let sum = load<f32>(word(D, e)) * x
      for (let n = 0; n < N; n++) {
        const at = word(h, e * N + n)
        const decay = lane0(exp4(f32x4.splat(step * load<f32>(word(A, e * N + n)))))
        const next = decay * load<f32>(at) + step * x * load<f32>(word(B, t * N + n))
        store<f32>(at, next)
        sum += next * load<f32>(word(C, t * N + n))
      }
      store<f32>(word(y, t * E + e), sum)
    }
  }
}

/** Step 1: four states at a time. */
export function scanVector(
  u: usize,
  dt: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  h: usize,
  y: usize,
  L: i32,
  E: i32,
  N: i32,
): void {
  for (let t = 0; t < L; t++) {
    for (let e = 0; e < E; e++) {
      const x = load<f32>(word(u, t * E + e))
      const step = f32x4.splat(load<f32>(word(dt, t * E + e)))
      const input = f32x4.mul(step, f32x4.splat(x))
      let sums = f32x4.splat(0)
      for (let n = 0; n < N; n += 4) {
        const at = word(h, e * N + n)
        const decay = exp4(f32x4.mul(step, v128.load(word(A, e * N + n))))
        const next = fma(input, v128.load(word(B, t * N + n)), f32x4.mul(decay, v128.load(at)))
        v128.store(at, next)
        sums = fma(next, v128.load(word(C, t * N + n)), sums)
      }
      store<f32>(word(y, t * E + e), total(sums) + load<f32>(word(D, e)) * x)
    }
  }
}

/** Step 0: the recurrence of SSD, h [H, P, N], one decay a head: h = exp(dt A) h + dt x Bᵀ, y = h C + D x. */
export function ssdScalar(
  x: usize,
  dt: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  h: usize,
  y: usize,
  L: i32,
  H: i32,
  P: i32,
  N: i32,
): void {
  for (let t = 0; t < L; t++) {
    for (let k = 0; k < H; k++) {
      const step = load<f32>(word(dt, t * H + k))
      const decay = lane0(exp4(f32x4.splat(step * load<f32>(word(A, k)))))
      for (let p = 0; p < P; p++) {
        const at = (t * H + k) * P + p
        const value = load<f32>(word(x, at))
        let sum = load<f32>(word(D, k)) * value
        for (let n = 0; n < N; n++) {
          const place = word(h, (k * P + p) * N + n)
          const next = decay * load<f32>(place) + step * value * load<f32>(word(B, t * N + n))
          store<f32>(place, next)
          sum += next * load<f32>(word(C, t * N + n))
        }
        store<f32>(word(y, at), sum)
      }
    }
  }
}

/** Step 1: the same, four states at a time. */
export function ssdVector(
  x: usize,
  dt: usize,
  A: usize,
  B: usize,
  C: usize,
  D: usize,
  h: usize,
  y: usize,
  L: i32,
  H: i32,
  P: i32,
  N: i32,
): void {
  for (let t = 0; t < L; t++) {
    for (let k = 0; k < H; k++) {
      const step = load<f32>(word(dt, t * H + k))
      const decay = exp4(f32x4.splat(step * load<f32>(word(A, k))))
      for (let p = 0; p < P; p++) {
        const at = (t * H + k) * P + p
        const value = load<f32>(word(x, at))
        const input = f32x4.splat(step * value)
        let sums = f32x4.splat(0)
        for (let n = 0; n < N; n += 4) {
          const place = word(h, (k * P + p) * N + n)
          const next = fma(input, v128.load(word(B, t * N + n)), f32x4.mul(decay, v128.load(place)))
          v128.store(place, next)
          sums = fma(next, v128.load(word(C, t * N + n)), sums)
        }
        store<f32>(word(y, at), total(sums) + load<f32>(word(D, k)) * value)
      }
    }
  }
}

/** e^x for x <= 0, 1e-7. */
function exp4(x: v128): v128 {
  const c = f32x4.max(f32x4.mul(x, f32x4.splat(1.44269504)), f32x4.splat(-126))
  const magic = f32x4.splat(12582912)
  const t = f32x4.add(c, magic)
  const f = f32x4.sub(c, f32x4.sub(t, magic))
  let p = fma(f32x4.splat(0.00132647262), f, f32x4.splat(0.009671513))
  p = fma(p, f, f32x4.splat(0.0555073359))
  p = fma(p, f, f32x4.splat(0.240222424))
  p = fma(p, f, f32x4.splat(0.693147004))
  p = fma(p, f, f32x4.splat(1))
  return i32x4.add(p, i32x4.shl(t, 23))
}

function lane0(x: v128): f32 {
  return f32x4.extract_lane(x, 0)
}

function total(x: v128): f32 {
  return lane0(x) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3))
}

function fma(a: v128, b: v128, c: v128): v128 {
  return f32x4.relaxed_madd(a, b, c)
}

function word(base: usize, index: i32): usize {
  return base + ((<usize>index) << 2)
}
