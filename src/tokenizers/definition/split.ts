/** What becomes of the matches of a pattern, and of what is between them. */
import type { Pattern } from '../pattern/pattern.ts'

export type Behavior = 'Removed' | 'Isolated' | 'MergedWithPrevious' | 'MergedWithNext' | 'Contiguous'

export interface Split {
  readonly pattern: Pattern
  readonly behavior: Behavior
  /** What is between matches is taken as matches. */
  readonly invert: boolean
}

type Emit = (begin: number, end: number) => void

/** Calls `emit` with the begin and the end of each piece, from left to right; pieces may be empty. */
export function split(text: string, { pattern, behavior, invert }: Split, emit: Emit): void {
  const pieces = merging(behavior, emit)
  let last = 0
  pattern.each(text, (begin, end) => {
    if (begin > last) pieces.take(last, begin, invert)
    pieces.take(begin, end, !invert)
    last = end
  })
  if (last < text.length) pieces.take(last, text.length, invert)
  pieces.finish()
}

const finish = (): void => {}

interface Pieces {
  take(begin: number, end: number, isMatch: boolean): void
  finish(): void
}

function merging(behavior: Behavior, emit: Emit): Pieces {
  if (behavior === 'Isolated') return { take: emit, finish }
  if (behavior !== 'Removed') return new Merging(behavior, emit)
  return {
    take(begin, end, isMatch) {
      if (!isMatch) emit(begin, end)
    },
    finish,
  }
}

/** Pieces that the next one may join. */
class Merging implements Pieces {
  readonly #behavior: Behavior
  readonly #emit: Emit
  #begin = -1
  #end = -1
  #wasMatch = false

  constructor(behavior: Behavior, emit: Emit) {
    this.#behavior = behavior
    this.#emit = emit
  }

  take(begin: number, end: number, isMatch: boolean): void {
    const joins = this.#begin >= 0 && this.#joins(isMatch)
    if (!joins) {
      this.finish()
      this.#begin = begin
    }
    this.#end = end
    this.#wasMatch = isMatch
  }

  finish(): void {
    if (this.#begin >= 0) this.#emit(this.#begin, this.#end)
    this.#begin = -1
  }

  #joins(isMatch: boolean): boolean {
    if (this.#behavior === 'Contiguous') return isMatch === this.#wasMatch
    return this.#behavior === 'MergedWithPrevious' ? isMatch && !this.#wasMatch : this.#wasMatch && !isMatch
  }
}
