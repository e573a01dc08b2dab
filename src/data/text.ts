/** Text as bytes, or as the tokens of a model. */
import type { Corpus } from './batches.ts'

export interface TextCorpus extends Corpus {
  readonly tokens: Uint8Array | Int32Array
  /** How many tokens there are. Absent: bytes of UTF-8. */
  readonly vocabulary?: number
}

/** The last part of a text for validation, the rest for training. */
export function splitCorpus(
  corpus: TextCorpus,
  part: number,
): { training: TextCorpus; validation: Uint8Array | Int32Array } {
  const size = corpus.tokens.length
  const cut = size - Math.floor(size * part)
  return {
    training: {
      tokens: corpus.tokens.subarray(0, cut),
      starts: corpus.starts.filter((start) => start < cut),
    },
    validation: corpus.tokens.subarray(cut),
  }
}
