import { finish, word } from './finish.as.ts'
import { matmulTileRest, matmulTileWide } from './tile-wide.as.ts'
import { matmulTile } from './tile.as.ts'

/**
 * y [matrices, M, N] = f(a · b + bias) + residual, with rows of y yRow words apart and b in packed panels.
 * An item computes a block of y: for each part of the inner axis, for each panel (or two), all tiles of it;
 * then the epilogue while the block is in the cache. Tiles are 6 × 8, or 3 × 16 if tileColumns is 16; those
 * at the right edge go through `edge` [items, 48], and at the lower edge the last row stands in for those
 * that are missing. Items: matrices · blocks down · blocks across.
 */
export function matmulTiles(
  a: usize,
  packed: usize,
  y: usize,
  bias: usize,
  residual: usize,
  pre: usize,
  edge: usize,
  kind: i32,
  M: i32,
  N: i32,
  K: i32,
  aRow: i32,
  aBatch: i32,
  bBatch: i32,
  yRow: i32,
  yBatch: i32,
  blockRows: i32,
  blockColumns: i32,
  blockInner: i32,
  tileColumns: i32,
  begin: i32,
  end: i32,
): void {
  const across = (N + blockColumns - 1) / blockColumns
  const down = (M + blockRows - 1) / blockRows
  for (let item = begin; item < end; item++) {
    const matrix = item / (across * down)
    const firstRow = ((item / across) % down) * blockRows
    const firstColumn = (item % across) * blockColumns
    const endRow = min(firstRow + blockRows, M)
    const endColumn = min(firstColumn + blockColumns, N)
    const A = word(a, matrix * aBatch)
    const B = word(packed, matrix * bBatch)
    const Y = word(y, matrix * yBatch)
    const corner = word(edge, item * 48)
    for (let k = 0; k < K; k += blockInner) {
      const inner = min(blockInner, K - k)
      for (let n = firstColumn; n < endColumn; n += tileColumns) {
        const panel = word(B, n * K + k * 8)
        const width = min(tileColumns, endColumn - n)
        if (tileColumns == 16) {
          // Where there is no second panel, the first stands in for it.
          const second = width > 8 ? word(panel, 8 * K) : panel
          for (let m = firstRow; m < endRow; m += 3) {
            wideAt(
              word(A, k),
              panel,
              second,
              word(Y, n),
              corner,
              m,
              endRow - 1,
              width,
              inner,
              aRow,
              yRow,
              k > 0,
            )
          }
          continue
        }
        for (let m = firstRow; m < endRow; m += 6) {
          tileAt(word(A, k), panel, word(Y, n), corner, m, endRow - 1, width, inner, aRow, yRow, k > 0)
        }
      }
    }
    const width = endColumn - firstColumn
    for (let m = firstRow; m < endRow; m++) {
      const at = matrix * yBatch + m * yRow + firstColumn
      finish(
        word(y, at),
        bias != 0 ? word(bias, firstColumn) : 0,
        residual != 0 ? word(residual, at) : 0,
        pre != 0 ? word(pre, at) : 0,
        kind,
        width,
      )
    }
  }
}

/** The tile of rows m … m + 5, at most `last`; `width` of its 8 columns are wanted. */
function tileAt(
  a: usize,
  panel: usize,
  y: usize,
  corner: usize,
  m: i32,
  last: i32,
  width: i32,
  K: i32,
  aRow: i32,
  yRow: i32,
  onTop: bool,
): void {
  const m1 = min(m + 1, last)
  const m2 = min(m + 2, last)
  const m3 = min(m + 3, last)
  const m4 = min(m + 4, last)
  const m5 = min(m + 5, last)
  let to = y
  let row = yRow
  let origin = 0
  if (width < 8) {
    to = corner
    row = 8
    origin = m
    if (onTop) copyTile(word(y, m * yRow), yRow, corner, 8, last - m + 1, width)
  }
  matmulTile(
    word(a, m * aRow),
    word(a, m1 * aRow),
    word(a, m2 * aRow),
    word(a, m3 * aRow),
    word(a, m4 * aRow),
    word(a, m5 * aRow),
    panel,
    K,
    word(to, (m - origin) * row),
    word(to, (m1 - origin) * row),
    word(to, (m2 - origin) * row),
    word(to, (m3 - origin) * row),
    word(to, (m4 - origin) * row),
    word(to, (m5 - origin) * row),
    onTop,
  )
  if (width < 8) copyTile(corner, 8, word(y, m * yRow), yRow, last - m + 1, width)
}

/** The tile of rows m … m + 2, at most `last`; `width` of its 16 columns are wanted. */
function wideAt(
  a: usize,
  panel: usize,
  second: usize,
  y: usize,
  corner: usize,
  m: i32,
  last: i32,
  width: i32,
  K: i32,
  aRow: i32,
  yRow: i32,
  onTop: bool,
): void {
  const m1 = min(m + 1, last)
  const m2 = min(m + 2, last)
  let to = y
  let row = yRow
  let origin = 0
  if (width < 16) {
    to = corner
    row = 16
    origin = m
    if (onTop) copyTile(word(y, m * yRow), yRow, corner, 16, m2 - m + 1, width)
  }
  const whole = K & ~1
  const a0 = word(a, m * aRow)
  const a1 = word(a, m1 * aRow)
  const a2 = word(a, m2 * aRow)
  const y0 = word(to, (m - origin) * row)
  const y1 = word(to, (m1 - origin) * row)
  const y2 = word(to, (m2 - origin) * row)
  matmulTileWide(a0, a1, a2, panel, second, whole, y0, y1, y2, onTop)
  if (whole < K) {
    for (let i = m; i <= m2; i++) {
      const from = word(a, i * aRow + whole)
      const at = word(to, (i - origin) * row)
      matmulTileRest(from, word(panel, whole * 8), K - whole, at)
      matmulTileRest(from, word(second, whole * 8), K - whole, at + 32)
    }
  }
  if (width < 16) copyTile(corner, 16, word(y, m * yRow), yRow, m2 - m + 1, width)
}

/** Up to 6 rows of `width` words. */
function copyTile(from: usize, fromRow: i32, to: usize, toRow: i32, rows: i32, width: i32): void {
  for (let m = 0; m < min(rows, 6); m++) {
    for (let j = 0; j < width; j++)
      store<f32>(word(to, m * toRow + j), load<f32>(word(from, m * fromRow + j)))
  }
}
