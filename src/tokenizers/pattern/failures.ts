/** Where a pattern failed, by the fork and the place of the text. */

/** Units of text whose failures lie together. */
const BLOCK = 1024
/** How many numbers all may take. */
const MOST_MEMORY = 2 ** 23

export class Failures {
  readonly #bits: number
  /** Numbers of a block. */
  readonly #size: number
  #blocks = new Map<number, Uint32Array>()

  /** A fork has failed or not for each of the states that `bits` have. */
  constructor(forks: number, bits: number) {
    this.#bits = bits
    this.#size = (forks << bits) * (BLOCK / 32)
  }

  clear(): void {
    if (this.#blocks.size > 0) this.#blocks = new Map()
  }

  has(fork: number, at: number, bits: number): boolean {
    const block = this.#blocks.get(Math.floor(at / BLOCK))
    if (!block) return false
    const place = this.#placeOf(fork, at, bits)
    return ((block[place >> 5] >> (place & 31)) & 1) === 1
  }

  add(fork: number, at: number, bits: number): void {
    const index = Math.floor(at / BLOCK)
    let block = this.#blocks.get(index)
    if (!block) {
      // What is forgotten is tried again, within the bounds of time.
      if ((this.#blocks.size + 1) * this.#size > MOST_MEMORY) this.#blocks.clear()
      block = new Uint32Array(this.#size)
      this.#blocks.set(index, block)
    }
    const place = this.#placeOf(fork, at, bits)
    block[place >> 5] |= 1 << (place & 31)
  }

  #placeOf(fork: number, at: number, bits: number): number {
    const states = 1 << this.#bits
    return (fork * states + (bits & (states - 1))) * BLOCK + (at % BLOCK)
  }
}
