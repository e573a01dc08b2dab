/**
 * y [B, L, inner, width]: the tokens of x in reverse order. The rows of x are xStride words apart. Items:
 * rows [B, L, inner].
 */
export function flipRows(
  x: usize,
  y: usize,
  length: i32,
  inner: i32,
  width: i32,
  xStride: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const token = row / inner
    const t = token % length
    const from = row + (length - 1 - 2 * t) * inner
    memory.copy(y + ((<usize>row * width) << 2), x + ((<usize>from * xStride) << 2), (<usize>width) << 2)
  }
}
