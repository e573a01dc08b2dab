/**
 * Writes x [rows, width], whose rows are xStride apart, or zeros if x is absent, to columns [start, start +
 * width) of y [rows, total]. All widths are in bytes. Items: rows.
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
    const to = y + <usize>row * <usize>total + start
    if (x == 0) memory.fill(to, 0, width)
    else memory.copy(to, x + <usize>row * <usize>xStride, width)
  }
}
