/** y [rows, width] = x, whose rows are xStride apart; both in bytes. Items: rows. */
export function copyRows(x: usize, y: usize, width: i32, xStride: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    memory.copy(y + <usize>row * <usize>width, x + <usize>row * <usize>xStride, width)
  }
}
