/** Columns that one thread adds up: a cache line. */
const COLUMNS: i32 = 16

function rowOf(indices: usize, t: i32, count: i32): i32 {
  return min<i32>(max<i32>(load<i32>(indices + ((<usize>t) << 2)), 0), count - 1)
}

/** y [T, width] = weight[tokens], weight [count, width]. Items: tokens. */
export function embeddingRows(
  tokens: usize,
  weight: usize,
  y: usize,
  count: i32,
  width: i32,
  begin: i32,
  end: i32,
): void {
  const bytes = (<usize>width) << 2
  for (let t = begin; t < end; t++) {
    memory.copy(y + <usize>t * bytes, weight + <usize>rowOf(tokens, t, count) * bytes, bytes)
  }
}

/**
 * y [count, width] = sums of rows [T, width] by index, in the order of t. Items: blocks of 16 columns, so
 * that no two threads write the same element.
 */
export function scatterAddColumns(
  rows: usize,
  indices: usize,
  y: usize,
  T: i32,
  count: i32,
  width: i32,
  rowsStride: i32,
  begin: i32,
  end: i32,
): void {
  const first = begin * COLUMNS
  const columns = min<i32>(end * COLUMNS, width) - first
  const from = y + ((<usize>first) << 2)
  const bytes = (<usize>width) << 2
  for (let v = 0; v < count; v++) memory.fill(from + <usize>v * bytes, 0, (<usize>columns) << 2)
  for (let t = 0; t < T; t++) {
    const source = rows + ((<usize>t * <usize>rowsStride + <usize>first) << 2)
    const target = from + <usize>rowOf(indices, t, count) * bytes
    let c = 0
    for (; c + 4 <= columns; c += 4) {
      const at = (<usize>c) << 2
      v128.store(target + at, f32x4.add(v128.load(target + at), v128.load(source + at)))
    }
    for (; c < columns; c++) {
      const at = (<usize>c) << 2
      store<f32>(target + at, load<f32>(target + at) + load<f32>(source + at))
    }
  }
}
