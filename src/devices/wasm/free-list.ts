/**
 * Free ranges of memory, by address, in bytes. It is deterministic: best fit, the lowest address of equals.
 */
export class FreeList {
  readonly #starts: number[] = []
  readonly #sizes: number[] = []

  /** Takes `size` bytes out; undefined if no range is that large. */
  take(size: number): number | undefined {
    const sizes = this.#sizes
    let best = -1
    for (let i = 0; i < sizes.length; i++) {
      if (sizes[i] >= size && (best < 0 || sizes[i] < sizes[best])) best = i
    }
    if (best < 0) return undefined
    const start = this.#starts[best]
    if (sizes[best] === size) {
      this.#starts.splice(best, 1)
      sizes.splice(best, 1)
    } else {
      this.#starts[best] = start + size
      sizes[best] -= size
    }
    return start
  }

  /** Puts a range back, and joins it with its neighbours. */
  give(start: number, size: number): void {
    const starts = this.#starts
    const sizes = this.#sizes
    let low = 0
    for (let high = starts.length; low < high;) {
      const middle = (low + high) >> 1
      if (starts[middle] < start) low = middle + 1
      else high = middle
    }
    const joinsLeft = low > 0 && start === starts[low - 1] + sizes[low - 1]
    const joinsRight = low < starts.length && start + size === starts[low]
    if (joinsLeft) {
      sizes[low - 1] += size + (joinsRight ? sizes[low] : 0)
      if (joinsRight) {
        starts.splice(low, 1)
        sizes.splice(low, 1)
      }
    } else if (joinsRight) {
      starts[low] = start
      sizes[low] += size
    } else {
      starts.splice(low, 0, start)
      sizes.splice(low, 0, size)
    }
  }
}
