import { copyInto } from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { copyOf, totalBytes, type NamedTensors } from '../../nn/states.ts'

/** Tokens from one snapshot to the next, at least. */
export const SPACING = 64
/** The latest ones, which are never thinned out: at least SPACING tokens lie after the first of them. */
const RECENT = 2

interface Snapshot {
  readonly position: number
  /** The states of fixed size, and `logits`. */
  readonly tensors: NamedTensors
}

/**
 * Copies of the state on the device, at sparse positions: the last two, and older ones ever further apart, so
 * that going back by n feeds again no more than a part of n. Caches of attention need no copies: their rows
 * stay as they are until overwritten.
 */
export class Snapshots {
  /** Older ones that are kept. */
  readonly #older: number
  /** By rising position. */
  #kept: Snapshot[]

  constructor(older: number, kept: readonly Snapshot[] = []) {
    this.#older = older
    this.#kept = [...kept]
  }

  get bytes(): number {
    return totalBytes(this.#kept.flatMap(({ tensors }) => [...tensors.values()]))
  }

  /** From where on the tokens must be kept, so that one can go back to the first of the recent ones. */
  get floor(): number {
    return this.#kept.at(-RECENT)?.position ?? 0
  }

  /** The earliest position there is a snapshot of. */
  get first(): number | undefined {
    return this.#kept[0]?.position
  }

  /** Whether there is a snapshot at or before `position`. */
  reach(position: number): boolean {
    return this.first !== undefined && this.first <= position
  }

  due(position: number): boolean {
    return position - (this.#kept.at(-1)?.position ?? 0) >= SPACING
  }

  /** Keeps copies of `tensors`, which may be views. */
  take(position: number, tensors: NamedTensors): void {
    this.#kept.push({ position, tensors: new Map([...tensors].map(([name, each]) => [name, copyOf(each)])) })
    while (this.#kept.length > this.#older + RECENT) this.#drop(this.#leastMissed(position))
  }

  /** Brings `tensors` back to the latest snapshot at or before `position`, and gives its position. */
  restore(position: number, tensors: NamedTensors): number | undefined {
    const found = this.#kept.findLast((each) => each.position <= position)
    if (!found) return undefined
    for (const [name, each] of tensors) copyInto(each, found.tensors.get(name)!)
    return found.position
  }

  /** Drops those after `position`: rows of caches that they count on will be overwritten. */
  cut(position: number): void {
    while (this.#kept.length > 0 && this.#kept.at(-1)!.position > position) this.#drop(this.#kept.length - 1)
  }

  /** The same snapshots for another session; the memory is shared, as they never change. */
  share(): Snapshots {
    const kept = this.#kept.map(({ position, tensors }) => ({
      position,
      tensors: new Map([...tensors].map(([name, each]): [string, Tensor] => [name, each.view()])),
    }))
    return new Snapshots(this.#older, kept)
  }

  dispose(): void {
    this.cut(-1)
  }

  /**
   * The older snapshot that is missed least. Without it, a rewind to just before its successor feeds the
   * tokens from its predecessor on. That number, divided by how far back the predecessor is from `end`, is
   * the least of all.
   */
  #leastMissed(end: number): number {
    let least = 0
    let cost = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.#kept.length - RECENT; i++) {
      const before = i === 0 ? 0 : this.#kept[i - 1].position
      const after = this.#kept[i + 1].position
      const relative = (after - before) / (end - before)
      if (relative < cost) [least, cost] = [i, relative]
    }
    return least
  }

  #drop(index: number): void {
    for (const { tensors } of this.#kept.splice(index, 1)) for (const each of tensors.values()) each.dispose()
  }
}
