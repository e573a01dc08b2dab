/** Text as bytes: a corpus whose tokens are those of UTF-8. */
import type { Corpus } from './batches.ts'

export interface TextCorpus extends Corpus {
  readonly tokens: Uint8Array
}

/** The last part of a text for validation, the rest for training. */
export function splitCorpus(
  corpus: TextCorpus,
  part: number,
): { training: TextCorpus; validation: Uint8Array } {
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
