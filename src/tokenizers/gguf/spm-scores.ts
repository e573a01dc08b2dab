/** The scores of a sentencepiece vocabulary, from the merges that a tokenizer.json stores instead. */
import { clip } from '../../checkpoints/json.ts'
import { ConfigError } from '../../errors.ts'
import { MAX_PIECE } from './spm-merges.ts'

/** Of a token that no merge makes. */
const NO_MERGE = -1e6

/**
 * A score for each token (undefined: one that is cut out of texts before), by which sentencepiece (and
 * llama.cpp) joins pieces in every text as the merges do. It joins any two neighbours that make a token, best
 * score first, where merges are of given pairs, first rank first.
 *
 * Why it is enough to look at each token by itself: as long as nothing was joined across the ends of a piece
 * of text, what happened within it is what happens to that piece alone. So the two neighbours that make a
 * token are in every text those that merging the token's own letters comes to: one pair, hence one rank, at
 * most. It must be a merge: then both join the same.
 *
 * @throws ConfigError naming the token that only sentencepiece would make
 */
export function scoresOfMerges(
  texts: readonly (string | undefined)[],
  merges: readonly (readonly string[])[],
  where: string,
): Float32Array {
  const ranks = new Map(merges.map(([left, right], rank) => [keyOf(left, right), rank]))
  return Float32Array.from(texts, (text) => {
    if (text === undefined) return NO_MERGE
    const last = lastPair(text, ranks, where)
    const rank = last === undefined ? -1 - NO_MERGE : ranks.get(last)
    if (rank === undefined) {
      throw new ConfigError('llama.cpp would join two pieces that this tokenizer does not', {
        where,
        found: clip(text),
      })
    }
    return -1 - rank
  })
}

const keyOf = (left: string, right: string): string => `${left}\0${right}`

/** The two pieces that are left before `text` is one, or for good; undefined if it does not come to two. */
function lastPair(text: string, ranks: ReadonlyMap<string, number>, where: string): string | undefined {
  const pieces = Array.from(text)
  if (pieces.length > MAX_PIECE) {
    throw new ConfigError('a token is too long', {
      where,
      expected: `at most ${MAX_PIECE} characters`,
      found: clip(text),
    })
  }
  while (pieces.length > 2) {
    let [best, at] = [Infinity, -1]
    for (let i = 1; i < pieces.length; i++) {
      const rank = ranks.get(keyOf(pieces[i - 1], pieces[i])) ?? Infinity
      if (rank < best) [best, at] = [rank, i]
    }
    if (at < 0) return undefined
    pieces.splice(at - 1, 2, pieces[at - 1] + pieces[at])
  }
  return pieces.length === 2 ? keyOf(pieces[0], pieces[1]) : undefined
}
