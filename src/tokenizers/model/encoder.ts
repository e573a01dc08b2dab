/** Text to ids: added tokens, normalizer, pre-tokenizer, model, as the tokenizers library does it. */
import type { Normalizer, Piece } from '../definition/normalizer.ts'
import { cut, type Step } from '../definition/pre-tokenizer.ts'
import { bytesAsLetters } from '../text/byte-letters.ts'
import { AddedTokens, type AddedToken } from './added-tokens.ts'

export interface EncoderParts {
  readonly added: readonly AddedToken[]
  readonly normalizer: Normalizer | undefined
  readonly steps: readonly Step[]
  /** Opens what adds the tokens of a word, which `spell` changes first. */
  readonly openModel: (spell: (word: string) => string) => (word: string, ids: number[]) => void
}

/**
 * `isLater` says that it does not begin the whole text; `isOn`, that it goes on from a text and not from a
 * token.
 */
export type Encode = (text: string, isLater?: boolean, isOn?: boolean) => number[]

const asItIs = (text: string): string => text

export function openEncoder({ added, normalizer, steps, openModel }: EncoderParts): Encode {
  const normalize = (piece: Piece, isOn: boolean): Piece => normalizer?.normalize(piece, isOn) ?? piece
  const plain = new AddedTokens(
    added.filter((token) => !token.normalized).map((token) => [token.content, token]),
  )
  const normalized = new AddedTokens(
    added
      .filter((token) => token.normalized)
      .map((token) => [normalize({ text: token.content, head: 0 }, false).text, token]),
  )
  // What only spells bytes at the end is done once for each word.
  const spells = steps.at(-1)?.kind === 'bytes'
  const cuts = spells ? steps.slice(0, -1) : steps
  const addWord = openModel(spells ? bytesAsLetters : asItIs)
  return (text, isLater = false, isOn = false) => {
    const ids: number[] = []
    const add = (word: string): void => addWord(word, ids)
    plain.split(text, (begin, end, token) => {
      if (token) {
        ids.push(token.id)
        return
      }
      const part = text.slice(begin, end)
      const goesOn = isOn && begin === 0
      const head = begin === 0 && !isLater ? (part.codePointAt(0)! > 0xffff ? 2 : 1) : 0
      const piece = normalize({ text: part, head }, goesOn)
      normalized.split(piece.text, (from, to, inside) => {
        if (inside) ids.push(inside.id)
        else {
          const within = { text: piece.text.slice(from, to), head: Math.max(0, piece.head - from) }
          cut(cuts, within, goesOn && from === 0, add)
        }
      })
    })
    return ids
  }
}
