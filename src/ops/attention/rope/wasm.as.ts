/**
 * y = x with the pairs (d, d + half) of each head rotated by (past + i) ratio^d, the ratio as the sum of two
 * floats. Speeds and angles are float64, reduced to one turn before they are rounded. Items: rows [B, L].
 */
export function ropeRows(
  x: usize,
  past: usize,
  y: usize,
  length: i32,
  heads: i32,
  headDim: i32,
  half: i32,
  xStride: i32,
  ratioHigh: f32,
  ratioLow: f32,
  direction: f32,
  begin: i32,
  end: i32,
): void {
  const ratio = <f64>ratioHigh + <f64>ratioLow
  const width = heads * headDim
  for (let row = begin; row < end; row++) {
    let position = row % length
    if (past) position += load<i32>(past + ((row / length) << 2))
    const xRow = x + ((row * xStride) << 2)
    const yRow = y + ((row * width) << 2)
    if (2 * half < headDim) memory.copy(yRow, xRow, width << 2)
    let speed: f64 = 0.15915494309189535
    for (let d = 0; d < half; d++, speed *= ratio) {
      // In turns, then in radians within a quarter turn of an axis.
      const turns = <f64>position * speed
      const whole = floor<f64>(4 * turns + 0.5)
      const r = (turns - 0.25 * whole) * 6.283185307179586
      const z = r * r
      const s = r * (1 + z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880)))))
      const c = 1 + z * (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 - z * (1.0 / 3628800)))))
      const quarter = <i32>(<i64>whole & 3)
      const odd = quarter & 1
      const cos = <f32>(odd ? (quarter == 1 ? -s : s) : quarter == 0 ? c : -c)
      const sin = direction * <f32>(odd ? (quarter == 1 ? c : -c) : quarter == 0 ? s : -s)
      for (let h = 0; h < heads; h++) {
        const at: usize = (h * headDim + d) << 2
        const other: usize = at + (half << 2)
        const x0 = load<f32>(xRow + at)
        const x1 = load<f32>(xRow + other)
        store<f32>(yRow + at, x0 * cos - x1 * sin)
        store<f32>(yRow + other, x1 * cos + x0 * sin)
      }
    }
  }
}
