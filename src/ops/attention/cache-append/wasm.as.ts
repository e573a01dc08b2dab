/** cache[b, past[b] + i] = x[b, i]. Items: rows [B, L]. */
export function cacheAppendRows(
  cache: usize,
  x: usize,
  past: usize,
  length: i32,
  width: i32,
  capacity: i32,
  xStride: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const b = row / length
    const into = load<i32>(past + (b << 2)) + (row % length)
    if (<u32>into >= <u32>capacity) continue
    memory.copy(cache + (((b * capacity + into) * width) << 2), x + ((row * xStride) << 2), width << 2)
  }
}
