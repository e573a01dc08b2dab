import { word } from './finish.as.ts'

/** Four rows of a 4x4 block at `from`, `row` bytes apart, to its columns at `to`, `step` bytes apart. */
function turn(r0: v128, r1: v128, r2: v128, r3: v128, to: usize, step: usize): void {
  const t0 = i32x4.shuffle(r0, r1, 0, 4, 1, 5)
  const t1 = i32x4.shuffle(r2, r3, 0, 4, 1, 5)
  const t2 = i32x4.shuffle(r0, r1, 2, 6, 3, 7)
  const t3 = i32x4.shuffle(r2, r3, 2, 6, 3, 7)
  v128.store(to, i64x2.shuffle(t0, t1, 0, 2))
  v128.store(to + step, i64x2.shuffle(t0, t1, 1, 3))
  v128.store(to + 2 * step, i64x2.shuffle(t2, t3, 0, 2))
  v128.store(to + 3 * step, i64x2.shuffle(t2, t3, 1, 3))
}

/**
 * packed [matrices, panels, K, 8]: columns of b [K, N], or rows of b [N, K] if transposed, eight side by
 * side. Columns past N hold copies of others: their products are dropped. Items: matrices · panels.
 */
export function matmulPack(
  b: usize,
  packed: usize,
  N: i32,
  K: i32,
  bRow: i32,
  bBatch: i32,
  transposed: i32,
  begin: i32,
  end: i32,
): void {
  const panels = (N + 7) / 8
  for (let item = begin; item < end; item++) {
    const n = (item % panels) * 8
    const from = word(b, (item / panels) * bBatch)
    const to = word(packed, item * 8 * K)
    if (transposed != 0) packRows(from, to, n, N, K, bRow)
    else packColumns(word(from, n), to, min(8, N - n), K, bRow)
  }
}

function packRows(b: usize, to: usize, n: i32, N: i32, K: i32, bRow: i32): void {
  const last = N - 1
  let r0 = word(b, n * bRow)
  let r1 = word(b, min(n + 1, last) * bRow)
  let r2 = word(b, min(n + 2, last) * bRow)
  let r3 = word(b, min(n + 3, last) * bRow)
  let r4 = word(b, min(n + 4, last) * bRow)
  let r5 = word(b, min(n + 5, last) * bRow)
  let r6 = word(b, min(n + 6, last) * bRow)
  let r7 = word(b, min(n + 7, last) * bRow)
  let k = 0
  for (; k + 4 <= K; k += 4) {
    const at = (<usize>k) << 2
    turn(v128.load(r0 + at), v128.load(r1 + at), v128.load(r2 + at), v128.load(r3 + at), to, 32)
    turn(v128.load(r4 + at), v128.load(r5 + at), v128.load(r6 + at), v128.load(r7 + at), to + 16, 32)
    to += 128
  }
  for (; k < K; k++) {
    const at = (<usize>k) << 2
    store<f32>(to, load<f32>(r0 + at))
    store<f32>(to, load<f32>(r1 + at), 4)
    store<f32>(to, load<f32>(r2 + at), 8)
    store<f32>(to, load<f32>(r3 + at), 12)
    store<f32>(to, load<f32>(r4 + at), 16)
    store<f32>(to, load<f32>(r5 + at), 20)
    store<f32>(to, load<f32>(r6 + at), 24)
    store<f32>(to, load<f32>(r7 + at), 28)
    to += 32
  }
}

function packColumns(b: usize, to: usize, width: i32, K: i32, bRow: i32): void {
  const step = (<usize>bRow) << 2
  for (let k = 0; k < K; k++, b += step, to += 32) {
    if (width == 8) {
      v128.store(to, v128.load(b))
      v128.store(to, v128.load(b, 16), 16)
    } else {
      for (let j = 0; j < 8; j++) store<f32>(word(to, j), load<f32>(word(b, min(j, width - 1))))
    }
  }
}

/** t [matrices, M, K] from a [matrices, K, M]. Items: matrices · blocks of 8 rows of t. */
export function matmulTranspose(
  a: usize,
  t: usize,
  M: i32,
  K: i32,
  aRow: i32,
  aBatch: i32,
  begin: i32,
  end: i32,
): void {
  const blocks = (M + 7) / 8
  const down = (<usize>aRow) << 2
  const out = (<usize>K) << 2
  for (let item = begin; item < end; item++) {
    const m = (item % blocks) * 8
    const height = min(8, M - m)
    let from = word(a, (item / blocks) * aBatch + m)
    let to = word(t, ((item / blocks) * M + m) * K)
    let k = 0
    for (; k + 4 <= K; k += 4, from += 4 * down, to += 16) {
      let i = 0
      for (; i + 4 <= height; i += 4) {
        const at = word(from, i)
        turn(
          v128.load(at),
          v128.load(at + down),
          v128.load(at + 2 * down),
          v128.load(at + 3 * down),
          word(to, i * K),
          out,
        )
      }
      for (; i < height; i++) {
        for (let j = 0; j < 4; j++)
          store<f32>(word(to, i * K + j), load<f32>(word(from, i) + <usize>j * down))
      }
    }
    for (; k < K; k++, from += down, to += 4) {
      for (let i = 0; i < height; i++) store<f32>(word(to, i * K), load<f32>(word(from, i)))
    }
  }
}
