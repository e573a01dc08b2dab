/**
 * The orders of an engine that computes on the calling thread. They run in sequence, and in slices: after
 * some milliseconds, other work of the thread gets its turn.
 */
import { giveTurn, isTurnDue, now } from '../../turn.ts'
import type { Launches } from './thread.ts'

/** Milliseconds that a slice of launches may take, if one launch is not longer. */
const SLICE = 4
const FIRST_SLICE = 16
const MOST_IN_SLICE = 1024
/** So many launches wait at most. More than that run at once, so that the queue does not grow without end. */
const MOST_WAITING = 16384

export class LaunchQueue {
  readonly #run: (lists: readonly Launches[]) => void
  /** Launches, and what is to be done between them. */
  #orders: (Launches | (() => void))[] = []
  #waiting = 0
  /** While others have their turn. */
  #resting = false
  /** How many launches make a slice: measured. */
  #slice = FIRST_SLICE
  readonly #work = (): void => this.#doSlices()

  constructor(run: (lists: readonly Launches[]) => void) {
    this.#run = run
  }

  /** Launches run later in this task, or in the next ones. */
  launch(lists: readonly Launches[]): void {
    if (this.#orders.length === 0) queueMicrotask(this.#work)
    for (const list of lists) {
      this.#orders.push(list)
      this.#waiting += list.count
    }
    if (this.#waiting > MOST_WAITING) this.finish()
  }

  /** Whether all that was ordered is done. */
  get isEmpty(): boolean {
    return this.#orders.length === 0
  }

  /** What `take` gives once all that was ordered before is done, and nothing that is ordered later. */
  resultOf<T>(take: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#orders.push(() => {
        try {
          resolve(take())
        } catch (error) {
          reject(error)
        }
      })
      this.#work()
    })
  }

  /** Does this after what was ordered before: at once, if that is done. */
  after(action: () => void): void {
    if (this.isEmpty) action()
    else this.#orders.push(action)
  }

  /** Does at once what is ordered. */
  finish(): void {
    while (this.#orders.length > 0) this.#next(Number.POSITIVE_INFINITY)
  }

  #doSlices(): void {
    if (this.#resting) return
    for (let start = now(); this.#orders.length > 0;) {
      const most = this.#slice
      const count = this.#next(most)
      const end = now()
      if (end - start > SLICE) this.#slice = Math.max(1, Math.floor(Math.min(count, most) / 2))
      else if (count === most && end - start < SLICE / 4) this.#slice = Math.min(2 * most, MOST_IN_SLICE)
      if (isTurnDue(end)) return void this.#rest()
      start = end
    }
  }

  async #rest(): Promise<void> {
    this.#resting = true
    await giveTurn()
    this.#resting = false
    this.#doSlices()
  }

  /** Does one order, or, of launches that follow each other, at most so many. Gives how many they were. */
  #next(most: number): number {
    const orders = this.#orders
    const [first] = orders
    if (typeof first === 'function') {
      orders.shift()
      first()
      return 0
    }
    const lists: Launches[] = []
    let count = 0
    let taken = 0
    for (const order of orders) {
      if (typeof order === 'function' || count === most) break
      if (count + order.count > most) {
        const [now, later] = split(order, most - count)
        orders[taken] = later
        lists.push(now)
        count = most
        break
      }
      lists.push(order)
      count += order.count
      taken++
    }
    orders.splice(0, taken)
    this.#waiting -= count
    this.#run(lists)
    return count
  }
}

/** The first `count` launches of a list, and the others. Each begins with the number of its words. */
function split({ words, count: all }: Launches, count: number): [Launches, Launches] {
  let at = 0
  for (let i = 0; i < count; i++) at += words[at]
  return [
    { words: words.subarray(0, at), count },
    { words: words.subarray(at), count: all - count },
  ]
}
