/**
 * The orders of an engine that computes on the calling thread. They run in sequence, and in slices: after
 * some milliseconds, other work of the thread gets its turn. What is short runs at once, and the clock is
 * looked at once in a slice: asking for the time takes as long as a small kernel.
 */
import { giveTurn, isTurnDue, now } from '../../turn.ts'
import type { Launches } from './thread.ts'

/** Milliseconds that a slice shall take, if one launch is not longer. */
const SLICE = 2
const FIRST_SLICE = 16
const MOST_IN_SLICE = 1024
/** So many launches wait at most. More than that run at once, so that the queue does not grow without end. */
const MOST_WAITING = 16384

export class LaunchQueue {
  readonly #run: (lists: readonly Launches[]) => void
  /** Launches, and what is to be done between them. */
  #orders: (Launches | (() => void))[] = []
  #waiting = 0
  /** How many launches make a slice: measured. */
  #slice = FIRST_SLICE
  /** How many of them have run. */
  #ran = 0
  /** When the slice began. */
  #began = now()
  /** Others must have their turn before anything else runs. */
  #due = false
  /** They have it. */
  #resting = false
  readonly #work = (): void => this.#doSlices()

  constructor(run: (lists: readonly Launches[]) => void) {
    this.#run = run
  }

  /** Launches run now, later in this task, or in the next ones. */
  launch(lists: readonly Launches[]): void {
    let count = 0
    for (const list of lists) count += list.count
    if (this.#fits(count)) return this.#run(lists)
    if (this.#orders.length === 0) queueMicrotask(this.#work)
    this.#orders.push(...lists)
    this.#waiting += count
    if (this.#waiting > MOST_WAITING) this.finish()
  }

  /** Whether all that was ordered is done. */
  get isEmpty(): boolean {
    return this.#orders.length === 0
  }

  /** What `take` gives once all that was ordered before is done, and nothing that is ordered later. */
  resultOf<T>(take: () => T): T | Promise<T> {
    if (this.#fits(1)) return take()
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

  /** Whether so many launches can run at once: nothing is before them, and they fit in a slice. */
  #fits(count: number): boolean {
    if (this.#due || this.#orders.length > 0) return false
    if (this.#ran + count > this.#slice) this.#endSlice()
    if (this.#due || count > this.#slice) return false
    this.#ran += count
    return true
  }

  #endSlice(): void {
    if (this.#ran === 0) return
    const end = now()
    const fitting = Math.floor((this.#ran * SLICE) / (end - this.#began))
    this.#slice = Math.max(1, Math.min(fitting, 2 * this.#slice, MOST_IN_SLICE))
    this.#ran = 0
    this.#began = end
    this.#due = isTurnDue(end)
  }

  #doSlices(): void {
    while (this.#orders.length > 0) {
      if (this.#due) return void this.#rest()
      this.#ran += this.#next(this.#slice - this.#ran)
      if (this.#ran >= this.#slice) this.#endSlice()
    }
  }

  async #rest(): Promise<void> {
    if (this.#resting) return
    this.#resting = true
    await giveTurn()
    this.#resting = false
    this.#due = false
    this.#began = now()
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
