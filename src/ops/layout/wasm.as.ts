/**
 * Writes x [rows, width], whose rows are xStride words apart, or zeros if x is absent, to columns [start, start + width) of
 * y [rows, total]. Items: rows.
 */
export function layoutWriteColumns(
  x: usize,
  y: usize,
  width: i32,
  xStride: i32,
  start: i32,
  total: i32,
  begin: i32,
  end: i32,
): void {
  for (let row = begin; row < end; row++) {
    const to = y + ((<usize>(row * total + start)) << 2)
    if (x == 0) memory.fill(to, 0, (<usize>width) << 2)
    else memory.copy(to, x + ((<usize>(row * xStride)) << 2), (<usize>width) << 2)
  }
}
