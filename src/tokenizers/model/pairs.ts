/**
 * Merges by the two tokens that they join: a hash table of numbers, as objects for each pair would take much.
 */

/** Numbers of an entry: left, right, rank, what they become. */
const ENTRY = 4

export class Pairs {
  readonly #entries: Int32Array
  readonly #mask: number

  /** `count` is how many pairs there will be at most. */
  constructor(count: number) {
    const size = 2 ** Math.ceil(Math.log2(2 * count + 2))
    this.#entries = new Int32Array(size * ENTRY).fill(-1)
    this.#mask = size - 1
  }

  /** The last one of a pair holds. */
  set(left: number, right: number, rank: number, token: number): void {
    const at = this.#placeOf(left, right)
    this.#entries[at] = left
    this.#entries[at + 1] = right
    this.#entries[at + 2] = rank
    this.#entries[at + 3] = token
  }

  /** Where a pair stands; -1 if it is none. */
  find(left: number, right: number): number {
    const at = this.#placeOf(left, right)
    return this.#entries[at] < 0 ? -1 : at
  }

  rankAt(place: number): number {
    return this.#entries[place + 2]
  }

  tokenAt(place: number): number {
    return this.#entries[place + 3]
  }

  #placeOf(left: number, right: number): number {
    const entries = this.#entries
    let slot = (Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b)) >>> 0
    slot = (slot ^ (slot >>> 15)) & this.#mask
    for (; ; slot = (slot + 1) & this.#mask) {
      const at = slot * ENTRY
      if (entries[at] < 0 || (entries[at] === left && entries[at + 1] === right)) return at
    }
  }
}
