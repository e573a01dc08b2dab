import { exp1, exp4, log1, max4, sum4 } from '../../devices/wasm/kernels/math.as.ts'

/** Whether a label is one of V columns. */
function isColumn(label: i32, V: i32): bool {
  return <u32>label < <u32>V
}

/** max of x [V]; NaN if there is one. */
function largestOf(x: usize, V: i32): f32 {
  let m = f32x4.splat(-Infinity)
  let v = 0
  for (; v + 4 <= V; v += 4) m = f32x4.max(m, v128.load(x + ((<usize>v) << 2)))
  let largest = max4(m)
  for (; v < V; v++) largest = max<f32>(largest, load<f32>(x + ((<usize>v) << 2)))
  return largest
}

/** Σ exp(x - m) of x [V], in 16 partial sums. */
function sumExp(x: usize, V: i32, m: f32): f32 {
  const m4 = f32x4.splat(m)
  let a = f32x4.splat(0)
  let b = a
  let c = a
  let d = a
  let v = 0
  for (; v + 16 <= V; v += 16) {
    const at = x + ((<usize>v) << 2)
    a = f32x4.add(a, exp4(f32x4.sub(v128.load(at), m4)))
    b = f32x4.add(b, exp4(f32x4.sub(v128.load(at, 16), m4)))
    c = f32x4.add(c, exp4(f32x4.sub(v128.load(at, 32), m4)))
    d = f32x4.add(d, exp4(f32x4.sub(v128.load(at, 48), m4)))
  }
  let sum = sum4(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)))
  for (; v < V; v++) sum += exp1(load<f32>(x + ((<usize>v) << 2)) - m)
  return sum
}

/**
 * logSumExp [T] and losses [T] of the rows of logits [T, V]; both 0 where the label does not count, and NaN
 * where it is no column. Items: rows.
 */
export function crossEntropyRows(
  logits: usize,
  labels: usize,
  logSumExp: usize,
  losses: usize,
  V: i32,
  logitsStride: i32,
  ignoreIndex: i32,
  begin: i32,
  end: i32,
): void {
  for (let t = begin; t < end; t++) {
    const at = (<usize>t) << 2
    const label = load<i32>(labels + at)
    let lse: f32 = 0
    let loss: f32 = 0
    if (label !== ignoreIndex && !isColumn(label, V)) {
      lse = NaN
      loss = NaN
    } else if (label !== ignoreIndex) {
      const row = logits + ((<usize>t * <usize>logitsStride) << 2)
      const m = largestOf(row, V)
      lse = m + log1(sumExp(row, V, m))
      loss = lse - load<f32>(row + ((<usize>label) << 2))
    }
    store<f32>(logSumExp + at, lse)
    store<f32>(losses + at, loss)
  }
}

/** loss [1] = Σ losses / count; count [1] of the labels [T] that count. Items: 1. */
export function crossEntropyMean(
  losses: usize,
  labels: usize,
  loss: usize,
  count: usize,
  T: i32,
  ignoreIndex: i32,
  begin: i32,
  end: i32,
): void {
  if (begin >= end) return
  let sum: f64 = 0
  let counted = 0
  for (let t = 0; t < T; t++) {
    const at = (<usize>t) << 2
    if (load<i32>(labels + at) === ignoreIndex) continue
    sum += <f64>load<f32>(losses + at)
    counted++
  }
  store<f32>(loss, <f32>(sum / <f64>max<i32>(counted, 1)))
  store<f32>(count, <f32>counted)
}

/**
 * dLogits [T, V] = softmax(logits) (dLoss / count + dLogSumExp) - onehot(labels) dLoss / count; 0 in rows
 * that do not count. dLogits may be the logits. dLoss [1] and dLogSumExp [T] may be absent (0). Items: rows.
 */
export function crossEntropyBackward(
  logits: usize,
  labels: usize,
  logSumExp: usize,
  count: usize,
  dLoss: usize,
  dLogSumExp: usize,
  dLogits: usize,
  V: i32,
  logitsStride: i32,
  ignoreIndex: i32,
  begin: i32,
  end: i32,
): void {
  const share = dLoss !== 0 ? load<f32>(dLoss) / max<f32>(load<f32>(count), 1) : 0
  for (let t = begin; t < end; t++) {
    const at = (<usize>t) << 2
    const label = load<i32>(labels + at)
    const target = dLogits + ((<usize>t * <usize>V) << 2)
    if (label === ignoreIndex) {
      memory.fill(target, 0, (<usize>V) << 2)
      continue
    }
    const row = logits + ((<usize>t * <usize>logitsStride) << 2)
    const lse = load<f32>(logSumExp + at)
    const scale = dLogSumExp !== 0 ? share + load<f32>(dLogSumExp + at) : share
    const lse4 = f32x4.splat(lse)
    const scale4 = f32x4.splat(scale)
    let v = 0
    for (; v + 4 <= V; v += 4) {
      const offset = (<usize>v) << 2
      v128.store(target + offset, f32x4.mul(exp4(f32x4.sub(v128.load(row + offset), lse4)), scale4))
    }
    for (; v < V; v++) {
      const offset = (<usize>v) << 2
      store<f32>(target + offset, exp1(load<f32>(row + offset) - lse) * scale)
    }
    if (!isColumn(label, V)) continue
    const labelled = target + ((<usize>label) << 2)
    store<f32>(labelled, load<f32>(labelled) - share)
  }
}
