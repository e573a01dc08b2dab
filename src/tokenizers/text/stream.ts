/** Text from tokens that come one by one, in pieces that are certain. */
import type { TextStream } from '../tokenizer.ts'

/** What turns tokens into text, with the state that this needs. */
export interface TextPipe<Token> {
  /** Takes a token; gives the text that has become certain. */
  push(token: Token): string
  /** The text that is left. */
  finish(): string
  /**
   * How many of the latest tokens, without those that changed nothing, bring a new pipe to hold what this one
   * holds.
   */
  readonly holds: number
  /** True if the latest token changed nothing in what is held. */
  readonly unchanged: boolean
  /** False as long as it treats a token otherwise because it is at the beginning of the text. */
  readonly settled: boolean
}

/** `tokenOf` gives undefined for ids without text, which are left out. */
export class TokenStream<Token> implements TextStream {
  readonly #tokenOf: (id: number) => Token | undefined
  readonly #pipe: TextPipe<Token>
  /** Ids that bring a new pipe past the beginning of the text, once this one is. */
  #opening: number[] = []
  #isOpening: boolean
  #held: number[] = []

  constructor(tokenOf: (id: number) => Token | undefined, pipe: TextPipe<Token>) {
    this.#tokenOf = tokenOf
    this.#pipe = pipe
    this.#isOpening = !pipe.settled
  }

  get pending(): readonly number[] {
    return [...this.#opening, ...this.#held]
  }

  push(id: number): string {
    const token = this.#tokenOf(id)
    if (token === undefined) return ''
    const wasSettled = this.#pipe.settled
    const text = this.#pipe.push(token)
    const { holds, unchanged, settled } = this.#pipe
    if (this.#isOpening) {
      if (!unchanged || !wasSettled) this.#opening.push(id)
      this.#isOpening = !settled || holds > 0
    } else {
      if (!unchanged) this.#held.push(id)
      // Nothing is moved while all are held, however many they are.
      if (this.#held.length > holds) this.#held = this.#held.slice(this.#held.length - holds)
    }
    return text
  }

  finish(): string {
    return this.#pipe.finish()
  }
}

/** The text of all ids at once. */
export function textOf(ids: readonly number[], stream: TextStream): string {
  const pieces = ids.map((id) => stream.push(id))
  pieces.push(stream.finish())
  return pieces.join('')
}
