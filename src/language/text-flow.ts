import type { Tokenizer, TextStream } from '../tokenizers/tokenizer.ts'

/** Text that has become certain, and how many of the last tokens make a stop text, if one came. */
export interface Flowed {
  readonly text: string
  readonly unwanted?: number
}

/**
 * Tokens to text in pieces: never half a character, never the beginning of a stop text. It goes on over
 * several calls of `generate`, until something else changes the tokens.
 */
export class TextFlow {
  readonly #tokenizer: Tokenizer
  #stream: TextStream | undefined
  /** Text that may be the beginning of a stop text. */
  #held = ''
  /** Where in `held` the text of each of the last tokens begins. */
  #starts: number[] = []

  constructor(tokenizer: Tokenizer, held = '') {
    this.#tokenizer = tokenizer
    this.#held = held
  }

  get held(): string {
    return this.#held
  }

  /** What comes next is a new text. */
  reset(): void {
    this.#stream = undefined
    this.#held = ''
    this.#starts = []
  }

  /** Takes a token. `before` gives the tokens before it, which a character may have begun in. */
  push(token: number, before: () => readonly number[], stop: readonly string[]): Flowed {
    if (!this.#stream) {
      this.#stream = this.#tokenizer.stream()
      for (const each of before()) this.#stream.push(each)
    }
    this.#starts.push(this.#held.length)
    this.#held += this.#stream.push(token)
    const end = firstStop(this.#held, stop)
    if (end >= 0) {
      const text = this.#held.slice(0, end)
      const unwanted = this.#starts.filter((start) => start >= end).length
      this.reset()
      return { text, unwanted }
    }
    return { text: this.#give(this.#held.length - longestBeginning(this.#held, stop)) }
  }

  /** No more tokens come for now: no stop text will. */
  release(): string {
    return this.#give(this.#held.length)
  }

  /** No more tokens come at all. */
  finish(): string {
    const rest = this.#held + (this.#stream?.finish() ?? '')
    this.reset()
    return rest
  }

  /** A flow for a copy of the session. */
  copy(): TextFlow {
    return new TextFlow(this.#tokenizer, this.#held)
  }

  #give(size: number): string {
    const text = this.#held.slice(0, size)
    this.#held = this.#held.slice(size)
    this.#starts = this.#starts.map((start) => start - size).filter((start) => start >= 0)
    return text
  }
}

function firstStop(text: string, stop: readonly string[]): number {
  const places = stop
    .filter((each) => each !== '')
    .map((each) => text.indexOf(each))
    .filter((place) => place >= 0)
  return places.length === 0 ? -1 : Math.min(...places)
}

/** Length of the longest end of `text` that a stop text begins with. */
function longestBeginning(text: string, stop: readonly string[]): number {
  let longest = 0
  for (const each of stop) {
    for (let size = Math.min(each.length - 1, text.length); size > longest; size--) {
      if (text.endsWith(each.slice(0, size))) longest = size
    }
  }
  return longest
}
