/** Tokens that are looked for in a text before it is cut into words. */
import { CheckpointError } from '../../errors.ts'
import { matching, RUST_WORD, WHITE_SPACE } from '../pattern/code-points.ts'

export interface AddedToken {
  readonly id: number
  readonly content: string
  /** Not within words. */
  readonly single_word: boolean
  /** Takes the spaces before it, or behind it. */
  readonly lstrip: boolean
  readonly rstrip: boolean
  /** Looked for in the text as it is normalised. */
  readonly normalized: boolean
  /** Left out when ids become text. */
  readonly special: boolean
}

interface Branch {
  readonly next: Map<number, Branch>
  token?: AddedToken
}

/** Steps for a text, and for each of its units. */
const FREE_STEPS = 2 ** 24
const STEPS_PER_UNIT = 64

const WORD = matching(`[${RUST_WORD}]`)

/** Finds the longest token at each place, from left to right. */
export class AddedTokens {
  readonly #root: Branch = { next: new Map() }

  /** `texts` are what is looked for. The first of those that are equal is found. */
  constructor(tokens: readonly (readonly [text: string, token: AddedToken])[]) {
    for (const [text, token] of tokens) {
      let branch = this.#root
      for (let i = 0; i < text.length; i++) {
        const unit = text.charCodeAt(i)
        let next = branch.next.get(unit)
        if (!next) branch.next.set(unit, (next = { next: new Map() }))
        branch = next
      }
      branch.token ??= token
    }
  }

  /** Calls `found` for each token, and for each piece of text before, between and behind them. */
  split(text: string, found: (begin: number, end: number, token: AddedToken | undefined) => void): void {
    let last = 0
    let steps = FREE_STEPS + STEPS_PER_UNIT * text.length
    for (let at = 0; at < text.length;) {
      // A token of which the normalizer leaves nothing is everywhere, and parts all characters.
      let [token, end] = [this.#root.token, at]
      let branch = this.#root.next.get(text.charCodeAt(at))
      for (let to = at + 1; branch; branch = branch.next.get(text.charCodeAt(to++))) {
        if (branch.token) [token, end] = [branch.token, to]
        if (--steps < 0) {
          throw new CheckpointError('looking for the added tokens takes too long', { where: 'added_tokens' })
        }
      }
      const begin = at
      at = end > at ? end : at + (text.codePointAt(at)! > 0xffff ? 2 : 1)
      if (!token) continue
      // A token whose neighbours forbid it was there all the same.
      if (token.single_word && (endsWord(text, begin) || beginsWord(text, end))) continue
      let [from, to] = [begin, end]
      while (token.lstrip && from > last && WHITE_SPACE.has(text.charCodeAt(from - 1))) from--
      while (token.rstrip && to < text.length && WHITE_SPACE.has(text.charCodeAt(to))) to++
      if (token.lstrip) from = Math.max(from, last)
      if (last < from) found(last, from, undefined)
      // Nothing is left of one whose spaces the token before it took.
      if (from < to) found(from, to, token)
      last = to
    }
    if (last < text.length || text === '') found(last, text.length, undefined)
  }
}

const endsWord = (text: string, at: number): boolean => {
  if (at === 0) return false
  const low = (text.charCodeAt(at - 1) & 0xfc00) === 0xdc00
  return WORD.has(text.codePointAt(at - (low ? 2 : 1))!)
}
const beginsWord = (text: string, at: number): boolean => at < text.length && WORD.has(text.codePointAt(at)!)
