import { StateError } from '../errors.ts'
import type { Arena } from './device.ts'
import { notDropped, whenDropped } from './dropped.ts'
import { bytesOf, type DType } from './dtype.ts'

let ends = 0

/** How much was given back so far: a recording looks for its own memory only after that has changed. */
export const endsOfMemory = (): number => ends

/** An arena calls this when it is destroyed. */
export function memoryEnded(): void {
  ends++
}

/** A piece of device memory with a count of its holders. At zero it goes back to its arena. */
export abstract class Storage {
  #holders = 1
  #caught = false
  /** Where it is from. */
  abstract readonly arena: Arena
  readonly dtype: DType
  /** In elements. */
  readonly size: number
  /** Bytes of one element. */
  readonly elementBytes: number

  constructor(size: number, dtype: DType) {
    this.size = size
    this.dtype = dtype
    this.elementBytes = bytesOf(dtype)
  }

  /** Bytes of all elements. */
  get bytes(): number {
    return this.size * this.elementBytes
  }

  /** Whether it has a holder, and its arena is there. */
  get alive(): boolean {
    return this.#holders > 0 && !this.arena.destroyed
  }

  /** Adds a holder. */
  retain(): void {
    if (!this.alive) throw new StateError('memory was retained after its release')
    this.#holders++
  }

  /** Takes a holder away; without any, the memory goes back to the arena. */
  release(): void {
    if (this.#holders === 0) throw new StateError('memory was released twice')
    if (--this.#holders > 0) return
    memoryEnded()
    if (this.#caught) notDropped(this)
    this.recycling()()
  }

  /** From now on the memory also goes back when nothing refers to the storage any more. */
  catchIfDropped(): void {
    if (this.#caught) return
    this.#caught = true
    whenDropped(this, this.recycling())
  }

  /** What gives the memory back to the arena it came from. It must not refer to the storage. */
  protected abstract recycling(): () => void
}
