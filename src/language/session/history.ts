/** Pieces that prompts are read in: memory does not grow with their length. */
export const PIECE = 512

/** Tokens [start, start + size) that went in at once. */
export interface Piece {
  readonly start: number
  readonly size: number
}

/**
 * The tokens of a session, and how they were fed to the model: in pieces of several, and one by one
 * everywhere else. How numbers round depends on it, so what is fed again after a rewind is fed in the same
 * way.
 */
export class History {
  /** Tokens from `base` on. */
  readonly #tokens: number[]
  #base: number
  /** How [base, planned) was fed, or, beyond what the model has taken since a rewind, how it is to be fed. */
  readonly #pieces: Piece[]
  #planned: number
  /** Tokens taken back, the first one last: should the same ones come again, the plan holds. */
  readonly #ahead: number[] = []

  constructor(tokens: readonly number[] = [], base = 0, fed = 0, pieces: readonly Piece[] = []) {
    this.#tokens = [...tokens]
    this.#base = base
    this.#pieces = [...pieces]
    this.#planned = fed
  }

  get length(): number {
    return this.#base + this.#tokens.length
  }

  /** The first token that is kept. */
  get base(): number {
    return this.#base
  }

  /** Tokens [start, end), both kept. */
  slice(start: number = this.#base, end: number = this.length): number[] {
    return this.#tokens.slice(start - this.#base, end - this.#base)
  }

  /** The pieces of [base, fed). */
  pieces(fed: number): Piece[] {
    return this.#pieces.filter(({ start, size }) => start + size <= fed)
  }

  push(token: number): void {
    if (this.#ahead.length > 0 && this.#ahead.pop() !== token) this.#forgetPlan(this.length)
    this.#tokens.push(token)
  }

  /** Takes tokens back until `length` are left; gives them, the first one last. */
  cut(length: number): number[] {
    const taken: number[] = []
    while (this.length > length) taken.push(this.#tokens.pop()!)
    for (const token of taken) this.#ahead.push(token)
    return taken
  }

  /** How many tokens to feed next, after `fed`: as before, if all of that piece are here. */
  next(fed: number): number {
    const planned = this.#sizeAt(fed)
    if (planned !== undefined && fed + planned <= this.length) return planned
    this.#forgetPlan(fed)
    const size = Math.min(PIECE, this.length - fed)
    if (size > 1) this.#pieces.push({ start: fed, size })
    this.#planned = fed + size
    return size
  }

  /** Notes that the token after `fed` went in by itself. */
  stepped(fed: number): void {
    if (this.#sizeAt(fed) === 1) return
    this.#forgetPlan(fed)
    this.#planned = fed + 1
  }

  /** Forgets tokens before `base`. */
  trim(base: number): void {
    if (base <= this.#base) return
    this.#tokens.splice(0, base - this.#base)
    this.#base = base
    const first = this.#pieces.findIndex(({ start }) => start >= base)
    this.#pieces.splice(0, first < 0 ? this.#pieces.length : first)
  }

  copy(fed: number): History {
    return new History(this.#tokens, this.#base, fed, this.pieces(fed))
  }

  /** Size of the planned piece that begins at `fed`; a token by itself is a piece of one. */
  #sizeAt(fed: number): number | undefined {
    if (fed >= this.#planned) return undefined
    let low = 0
    for (let high = this.#pieces.length; low < high;) {
      const middle = (low + high) >> 1
      if (this.#pieces[middle].start < fed) low = middle + 1
      else high = middle
    }
    const piece = this.#pieces[low]
    return piece?.start === fed ? piece.size : 1
  }

  /** Drops the plan for what lies beyond `length`, with the piece that is cut by it. */
  #forgetPlan(length: number): void {
    this.#ahead.length = 0
    this.#planned = Math.min(this.#planned, length)
    for (let last = this.#pieces.at(-1); last && last.start + last.size > this.#planned;) {
      this.#planned = Math.min(this.#planned, last.start)
      this.#pieces.pop()
      last = this.#pieces.at(-1)
    }
  }
}
