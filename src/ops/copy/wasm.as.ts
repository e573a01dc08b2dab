/** y [rows, width] = x, whose rows are xStride words apart. Items: rows. */
export function copyRows(x: usize, y: usize, width: i32, xStride: i32, begin: i32, end: i32): void {
  for (let row = begin; row < end; row++) {
    memory.copy(y + ((row * width) << 2), x + ((row * xStride) << 2), width << 2)
  }
}
