import { dims } from '../../tensor/shape.ts'

/**
 * Tokens of a chunk. States are kept at chunk edges only: 4 B E N L / CHUNK bytes, N / CHUNK of what u takes.
 * Within a chunk, states live in registers, workgroup memory or a scratch of the size of one chunk.
 */
export const CHUNK = 64

/** The sizes of a scan. */
export interface ScanSizes {
  readonly batch: number
  readonly length: number
  /** E */
  readonly inner: number
  /** N */
  readonly stateSize: number
  /** G */
  readonly groups: number
  readonly chunks: number
}

/** B or C that is the same for all tokens: [E, N]. */
export function isConstant(x: { readonly shape: readonly number[] }): boolean {
  return x.shape.length === 2
}

export function scanSizes({
  u,
  A,
  B,
  C,
}: { [K in 'u' | 'A' | 'B' | 'C']: { shape: readonly number[] } }): ScanSizes {
  const [batch, length, inner] = dims(u, 3)
  const stateSize = A.shape[1]
  const varying = [B, C].find((x) => !isConstant(x))
  return {
    batch,
    length,
    inner,
    stateSize,
    groups: varying ? varying.shape.at(-1)! / stateSize : 1,
    chunks: Math.ceil(length / CHUNK),
  }
}
