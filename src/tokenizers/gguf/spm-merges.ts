/** The merges of a sentencepiece vocabulary, which stores pieces with scores instead. */
import { clip } from '../../checkpoints/json.ts'
import { CheckpointError } from '../../errors.ts'

export interface ScoredPiece {
  readonly text: string
  readonly score: number
}

/** Longer pieces are in no published vocabulary. Each is tried at every place to split it. */
export const MAX_PIECE = 256

/**
 * Pairs of pieces whose concatenation is a piece, best score first: byte-pair encoding by them joins, like
 * sentencepiece, the pair that makes the best piece. Among pairs that make the same piece the order of their
 * own scores decides, where sentencepiece takes the leftmost.
 */
export function mergesOfPieces(pieces: readonly ScoredPiece[], where: string): string[][] {
  const scores = new Map(pieces.map(({ text, score }) => [text, score]))
  const scoreOf = (pair: readonly string[]): number =>
    pair.reduce((sum, piece) => sum + scores.get(piece)!, 0)
  const best = pieces.toSorted((a, b) => b.score - a.score)
  return best.flatMap(({ text }) => {
    const characters = Array.from(text)
    if (characters.length > MAX_PIECE) {
      throw new CheckpointError('a piece is too long', {
        where,
        expected: `at most ${MAX_PIECE} characters`,
        found: clip(text),
      })
    }
    const pairs: string[][] = []
    for (let split = 1; split < characters.length; split++) {
      const pair = [characters.slice(0, split).join(''), characters.slice(split).join('')]
      if (pair.every((piece) => scores.has(piece))) pairs.push(pair)
    }
    return pairs.toSorted((a, b) => scoreOf(b) - scoreOf(a))
  })
}
