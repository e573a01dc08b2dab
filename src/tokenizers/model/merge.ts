/** Joins tokens pair by pair, lowest rank first, of equals the leftmost first. */
import type { Pairs } from './pairs.ts'

/** Up to here all pairs are looked at for each merge: it is faster than a heap. */
const SHORT = 32

/** `tokens` become what is left of them; gives how many there are. */
export function merge(tokens: Int32Array, length: number, pairs: Pairs): number {
  return length <= SHORT ? mergeShort(tokens, length, pairs) : new Heap(tokens, length, pairs).merge()
}

const places = new Int32Array(SHORT)

function mergeShort(tokens: Int32Array, count: number, pairs: Pairs): number {
  let length = count
  for (let i = 0; i + 1 < length; i++) places[i] = pairs.find(tokens[i], tokens[i + 1])
  while (length > 1) {
    let [best, at] = [Infinity, -1]
    for (let i = 0; i + 1 < length; i++) {
      if (places[i] < 0) continue
      const rank = pairs.rankAt(places[i])
      if (rank < best) {
        best = rank
        at = i
      }
    }
    if (at < 0) return length
    tokens[at] = pairs.tokenAt(places[at])
    tokens.copyWithin(at + 1, at + 2, length)
    places.copyWithin(at + 1, at + 2, length - 1)
    length--
    if (at > 0) places[at - 1] = pairs.find(tokens[at - 1], tokens[at])
    if (at + 1 < length) places[at] = pairs.find(tokens[at], tokens[at + 1])
  }
  return length
}

/** Numbers of what waits: rank, place of the left token, what the pair becomes. */
const WAITING = 3

class Heap {
  readonly #tokens: Int32Array
  readonly #pairs: Pairs
  readonly #next: Int32Array
  readonly #before: Int32Array
  #heap: Int32Array
  #size = 0

  constructor(tokens: Int32Array, length: number, pairs: Pairs) {
    this.#tokens = tokens.subarray(0, length)
    this.#pairs = pairs
    this.#next = Int32Array.from({ length }, (_, i) => (i + 1 < length ? i + 1 : -1))
    this.#before = Int32Array.from({ length }, (_, i) => i - 1)
    this.#heap = new Int32Array(WAITING * (length + 1))
  }

  merge(): number {
    const [tokens, next, before] = [this.#tokens, this.#next, this.#before]
    for (let i = 0; i + 1 < tokens.length; i++) this.#look(i, i + 1)
    while (this.#size > 0) {
      const [at, token] = [this.#heap[1], this.#heap[2]]
      this.#drop()
      const right = tokens[at] < 0 ? -1 : next[at]
      if (right < 0) continue
      // What waited may be gone since.
      const place = this.#pairs.find(tokens[at], tokens[right])
      if (place < 0 || this.#pairs.tokenAt(place) !== token) continue
      tokens[at] = token
      tokens[right] = -1
      next[at] = next[right]
      if (next[at] >= 0) before[next[at]] = at
      if (before[at] >= 0) this.#look(before[at], at)
      if (next[at] >= 0) this.#look(at, next[at])
    }
    let length = 0
    for (const token of tokens) if (token >= 0) tokens[length++] = token
    return length
  }

  /** Lets a pair wait, if it is one. */
  #look(left: number, right: number): void {
    const place = this.#pairs.find(this.#tokens[left], this.#tokens[right])
    if (place >= 0) this.#add(this.#pairs.rankAt(place), left, this.#pairs.tokenAt(place))
  }

  #add(rank: number, at: number, token: number): void {
    if ((this.#size + 1) * WAITING > this.#heap.length) {
      const larger = new Int32Array(this.#heap.length * 2)
      larger.set(this.#heap)
      this.#heap = larger
    }
    const heap = this.#heap
    let child = this.#size++
    while (child > 0) {
      const parent = (child - 1) >> 1
      if (!isBefore(rank, at, heap, parent)) break
      heap.copyWithin(child * WAITING, parent * WAITING, (parent + 1) * WAITING)
      child = parent
    }
    heap[child * WAITING] = rank
    heap[child * WAITING + 1] = at
    heap[child * WAITING + 2] = token
  }

  /** Takes the first away. */
  #drop(): void {
    const heap = this.#heap
    const last = --this.#size * WAITING
    const [rank, at, token] = [heap[last], heap[last + 1], heap[last + 2]]
    let parent = 0
    for (;;) {
      let child = 2 * parent + 1
      if (child >= this.#size) break
      if (
        child + 1 < this.#size &&
        isBefore(heap[(child + 1) * WAITING], heap[(child + 1) * WAITING + 1], heap, child)
      ) {
        child++
      }
      if (isBefore(rank, at, heap, child)) break
      heap.copyWithin(parent * WAITING, child * WAITING, (child + 1) * WAITING)
      parent = child
    }
    heap[parent * WAITING] = rank
    heap[parent * WAITING + 1] = at
    heap[parent * WAITING + 2] = token
  }
}

const isBefore = (rank: number, at: number, heap: Int32Array, other: number): boolean =>
  rank < heap[other * WAITING] || (rank === heap[other * WAITING] && at < heap[other * WAITING + 1])
