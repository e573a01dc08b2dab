import { exp1, exp4 } from '../../devices/wasm/kernels/math.as.ts'

/** Bits of a key that one pass looks at, and how many counters that takes. */
const DIGIT_BITS: i32 = 11
const DIGITS: i32 = 2048
/**
 * Keys are ordered as the logits are. That of -infinity; one for NaN and +infinity, which stand above all.
 */
const LOWEST: u32 = 0x007fffff
const BAD: u32 = 0xffffffff

function keyOf(x: f32): u32 {
  const bits = reinterpret<u32>(x)
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000 || bits === 0x7f800000) return BAD
  // -0 is 0.
  if (magnitude === 0) return 0x80000000
  return bits === magnitude ? bits | 0x80000000 : ~bits
}

/** Copies a row of logits to x [V], penalised where seen [V] says so; seen may be absent. */
function penalise(logits: usize, seen: usize, x: usize, V: i32, penalty: f32): void {
  memory.copy(x, logits, (<usize>V) << 2)
  if (seen === 0 || !(penalty > 0)) return
  for (let v = 0; v < V; v++) {
    const at = (<usize>v) << 2
    if (load<i32>(seen + at) <= 0) continue
    const each = load<f32>(x + at)
    store<f32>(x + at, each > 0 ? each / penalty : each * penalty)
  }
}

/** The first token with the largest logit of x [V]; -1 if there is none, or one that is no number. */
function largestOf(x: usize, V: i32): i32 {
  let best = LOWEST
  let token = -1
  for (let v = 0; v < V; v++) {
    const key = keyOf(load<f32>(x + ((<usize>v) << 2)))
    if (key > best) {
      best = key
      token = v
    }
  }
  return best === BAD ? -1 : token
}

/** Whether all logits of x [V], of which `token` is the first of the largest, are 0. */
function areZeros(x: usize, V: i32, token: i32): bool {
  if (V < 2 || token != 0 || load<f32>(x) != 0) return false
  for (let v = 1; v < V; v++) if (load<f32>(x + ((<usize>v) << 2)) != 0) return false
  return true
}

/** weights [V] = exp((x - largest) / temperature) */
function weigh(x: usize, weights: usize, V: i32, largest: f32, temperature: f32): void {
  const largest4 = f32x4.splat(largest)
  const temperature4 = f32x4.splat(temperature)
  let v = 0
  for (; v + 4 <= V; v += 4) {
    const at = (<usize>v) << 2
    v128.store(weights + at, exp4(f32x4.div(f32x4.sub(v128.load(x + at), largest4), temperature4)))
  }
  for (; v < V; v++) {
    const at = (<usize>v) << 2
    store<f32>(weights + at, exp1((load<f32>(x + at) - largest) / temperature))
  }
}

/** Weights of logits below the key `least` become 0. Gives the sum of the others. */
function keepFrom(x: usize, weights: usize, V: i32, least: u32): f64 {
  let sum: f64 = 0
  for (let v = 0; v < V; v++) {
    const at = (<usize>v) << 2
    if (keyOf(load<f32>(x + at)) < least) store<f32>(weights + at, 0)
    else sum += <f64>load<f32>(weights + at)
  }
  return sum
}

/**
 * The key at which tokens, from the largest logit down, reach `goal`: in number, or in weight if `weighted`.
 * masses f64 [2048] and counts i32 [2048] are counters of the keys that have one digit.
 */
function keyReaching(
  x: usize,
  weights: usize,
  masses: usize,
  counts: usize,
  V: i32,
  goal: f64,
  weighted: bool,
): u32 {
  let prefix: u32 = 0
  // What stands above all keys that begin with the prefix.
  let above: f64 = 0
  let shift = 32
  let found = 0
  do {
    // 11, 11 and 10 bits
    const bits = min<i32>(shift, DIGIT_BITS)
    shift -= bits
    memory.fill(masses, 0, (<usize>DIGITS) << 3)
    memory.fill(counts, 0, (<usize>DIGITS) << 2)
    for (let v = 0; v < V; v++) {
      const at = (<usize>v) << 2
      const digit = (keyOf(load<f32>(x + at)) ^ prefix) >> shift
      if (digit >= <u32>(1 << bits)) continue
      const count = counts + ((<usize>digit) << 2)
      store<i32>(count, load<i32>(count) + 1)
      const mass = masses + ((<usize>digit) << 3)
      store<f64>(mass, load<f64>(mass) + (weighted ? <f64>load<f32>(weights + at) : 1))
    }
    let reached = above
    for (let digit = (1 << bits) - 1; digit >= 0; digit--) {
      if (load<i32>(counts + ((<usize>digit) << 2)) === 0) continue
      // If rounding keeps the goal out of reach, the last digit stays.
      found = digit
      above = reached
      reached += load<f64>(masses + ((<usize>digit) << 3))
      if (reached >= goal) break
    }
    prefix |= (<u32>found) << shift
  } while (shift > 0 && load<i32>(counts + ((<usize>found) << 2)) !== 1)
  return prefix
}

/** The first token at which the running sum of the weights exceeds u of it. */
function draw(x: usize, weights: usize, V: i32, largest: f32, minP: f32, u: f32): i32 {
  let sum: f64 = 0
  for (let v = 0; v < V; v++) {
    const at = (<usize>v) << 2
    const weight = load<f32>(weights + at)
    if (weight < minP && load<f32>(x + at) < largest) store<f32>(weights + at, 0)
    else sum += <f64>weight
  }
  const goal = <f64>max<f32>(u, 0) * sum
  let token = -1
  let before: f64 = 0
  for (let v = 0; v < V; v++) {
    const weight = <f64>load<f32>(weights + ((<usize>v) << 2))
    if (weight <= 0) continue
    if (before > goal) break
    token = v
    before += weight
  }
  return token
}

/**
 * tokens [B] of logits [B, V]; see `sample` for what it does. settings [8]; seen [B, V] may be absent. x and
 * weights are scratch [B, V]; counters scratch [B, 3 * 2048]. Items: rows.
 */
export function sampleRows(
  logits: usize,
  uniform: usize,
  settings: usize,
  seen: usize,
  tokens: usize,
  x: usize,
  weights: usize,
  counters: usize,
  V: i32,
  logitsStride: i32,
  begin: i32,
  end: i32,
): void {
  const temperature = load<f32>(settings)
  const topK = load<f32>(settings, 4)
  const topP = load<f32>(settings, 8)
  const minP = load<f32>(settings, 12)
  const penalty = load<f32>(settings, 16)
  for (let b = begin; b < end; b++) {
    const row = (<usize>b * <usize>V) << 2
    const xs = x + row
    const ws = weights + row
    const masses = counters + ((<usize>b * 3 * <usize>DIGITS) << 2)
    const counts = masses + ((<usize>DIGITS) << 3)
    penalise(logits + ((<usize>b * <usize>logitsStride) << 2), seen === 0 ? 0 : seen + row, xs, V, penalty)
    let token = largestOf(xs, V)
    if (areZeros(xs, V, token)) token = -2
    if (token >= 0 && temperature > 0) {
      const largest = load<f32>(xs + ((<usize>token) << 2))
      weigh(xs, ws, V, largest, temperature)
      let least = LOWEST + 1
      if (topK >= 1 && topK < <f32>V) {
        least = max<u32>(least, keyReaching(xs, ws, masses, counts, V, <f64>floor<f32>(topK), false))
      }
      const sum = keepFrom(xs, ws, V, least)
      if (topP < 1) keepFrom(xs, ws, V, keyReaching(xs, ws, masses, counts, V, <f64>topP * sum, true))
      token = draw(xs, ws, V, largest, minP, load<f32>(uniform + ((<usize>b) << 2)))
    }
    store<i32>(tokens + ((<usize>b) << 2), token)
  }
}
