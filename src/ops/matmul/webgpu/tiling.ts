/** Which tiles a product on WebGPU is cut in, by what they cost on an H100. */
import type { Dims } from '../dims.ts'

/** One way to cut y in tiles. */
export interface Tiles {
  readonly rows: number
  readonly columns: number
  /** Columns of a in a step. */
  readonly INNER: number
  /** Workgroups that the GPU works on at a time. */
  readonly atATime: number
  /** Microseconds that so many need for one column of a. */
  readonly step: number
  /** Microseconds that they need beside that. */
  readonly start: number
}

/** Two of the large ones or three of the small ones on each of 132 multiprocessors. */
export const LARGE: Tiles = { rows: 128, columns: 128, INNER: 16, atATime: 264, step: 0.23, start: 12 }
export const SMALL: Tiles = { rows: 64, columns: 64, INNER: 16, atATime: 396, step: 0.119, start: 0 }

/**
 * Most workgroup memory that large ones need: 16 columns and 4 more of 128 rows, twice. WebGPU guarantees
 * 16,384 bytes.
 */
export const LARGE_BYTES = 2 * 128 * 20 * 4

/** The inner axis is split in at most so many parts, of at least so many steps. */
const MOST_SPLITS = 16
const SHORTEST_PART = 64
/** Microseconds of the launch that adds parts up, and words that it and the tiles move in one. */
const COMBINE = 8
const WORDS = 5e5

/**
 * Cost is counted in rounds of workgroups: the last round takes as long as the others, however few are left
 * for it.
 */
export function tilingFor(
  { batch, M, N, K }: Pick<Dims, 'batch' | 'M' | 'N' | 'K'>,
  kinds: readonly Tiles[],
): { readonly tiles: Tiles; readonly splits: number } {
  let best = { tiles: kinds[0], splits: 1 }
  let least = Infinity
  for (const tiles of kinds) {
    const count = Math.ceil(M / tiles.rows) * Math.ceil(N / tiles.columns) * batch
    for (let splits = 1; splits <= MOST_SPLITS && (splits === 1 || splits * SHORTEST_PART <= K); splits++) {
      const rounds = Math.ceil((count * splits) / tiles.atATime)
      const combine = splits === 1 ? 0 : COMBINE + ((2 * splits + 1) * batch * M * N) / WORDS
      const cost = rounds * (Math.ceil(K / splits) * tiles.step + tiles.start) + combine
      if (cost >= least) continue
      least = cost
      best = { tiles, splits }
    }
  }
  return best
}
