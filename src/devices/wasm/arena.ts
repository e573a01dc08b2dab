import { DeviceError, StateError } from '../../errors.ts'
import type { Arena, DType } from '../device.ts'
import { memoryEnded, Storage } from '../storage.ts'
import { notDropped, whenDropped } from '../dropped.ts'
import { bytesOf } from '../dtype.ts'
import { FreeList } from './free-list.ts'
import { MEMORY_BEGIN } from './thread.ts'

/** Storages begin and end at cache lines: what threads write never shares one with another tensor. */
const ALIGNMENT = 64
/** Arenas take memory in chunks of at least this, and of a quarter of what they hold, up to the second. */
const SMALL_CHUNK = 1 << 20
const LARGE_CHUNK = 64 << 20

/** The linear memory, from which arenas take chunks. */
export class LinearMemory {
  readonly #free = new FreeList()
  readonly #maximumBytes: number
  readonly #grow: (bytes: number) => void
  #end = MEMORY_BEGIN

  /** `grow` makes memory reach to an address, or throws. */
  constructor(maximumBytes: number, grow: (bytes: number) => void) {
    this.#maximumBytes = maximumBytes
    this.#grow = grow
  }

  take(size: number): number {
    const start = this.#free.take(size)
    if (start !== undefined) return start
    const end = this.#end + size
    if (end > this.#maximumBytes) throw this.#outOfMemory(size)
    try {
      this.#grow(end)
    } catch (cause) {
      throw this.#outOfMemory(size, cause)
    }
    this.#end = end
    return end - size
  }

  give(start: number, size: number): void {
    this.#free.give(start, size)
  }

  #outOfMemory(size: number, cause?: unknown): DeviceError {
    return new DeviceError('out of memory', {
      where: 'wasm',
      expected: `at most ${show(this.#maximumBytes)} in all`,
      found: `${show(size)} more than the ${show(this.#end)} in use`,
      hint: 'Make the batch or the length smaller, or use the webgpu device',
      cause,
    })
  }
}

export class WasmStorage extends Storage {
  readonly arena: WasmArena
  readonly #address: number

  constructor(size: number, dtype: DType, arena: WasmArena, address: number) {
    super(size, dtype)
    this.arena = arena
    this.#address = address
  }

  get address(): number {
    if (this.arena.destroyed) throw new StateError('memory was used after its arena was destroyed')
    return this.#address
  }

  protected recycling(): () => void {
    return giving(this.arena, this.#address, this.bytes)
  }
}

const giving = (arena: WasmArena, address: number, bytes: number) => (): void => arena.give(address, bytes)

interface Chunk {
  readonly start: number
  readonly size: number
}

export class WasmArena implements Arena {
  readonly #memory: LinearMemory
  readonly #free = new FreeList()
  readonly #chunks: Chunk[] = []
  destroyed = false
  reservedBytes = 0
  usedBytes = 0
  peakBytes = 0

  constructor(memory: LinearMemory) {
    this.#memory = memory
  }

  allocate(size: number, dtype: DType = 'f32'): WasmStorage {
    if (this.destroyed) throw new StateError('memory was asked of an arena after it was destroyed')
    const bytes = wholeLines(size * bytesOf(dtype))
    let address = this.#free.take(bytes)
    if (address === undefined) {
      this.#addChunk(bytes)
      address = this.#free.take(bytes)!
    }
    this.usedBytes += bytes
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes)
    return new WasmStorage(size, dtype, this, address)
  }

  /** Takes back what `allocate` gave for so many bytes. */
  give(address: number, wanted: number): void {
    if (this.destroyed) return
    const bytes = wholeLines(wanted)
    this.#free.give(address, bytes)
    this.usedBytes -= bytes
  }

  resetPeak(): void {
    this.peakBytes = this.usedBytes
  }

  destroy(): void {
    if (this.destroyed) return
    this.destroyed = true
    memoryEnded()
    notDropped(this)
    giveChunks(this.#memory, this.#chunks)
    this.reservedBytes = 0
    this.usedBytes = 0
  }

  /** From now on the memory also goes back when nothing refers to the arena any more. */
  catchIfDropped(): void {
    const [memory, chunks] = [this.#memory, this.#chunks]
    whenDropped(this, () => giveChunks(memory, chunks))
  }

  #addChunk(needed: number): void {
    const comfortable = Math.min(Math.max(SMALL_CHUNK, wholeLines(this.reservedBytes / 4)), LARGE_CHUNK)
    const [start, size] = this.#takeChunk(Math.max(needed, comfortable), needed)
    this.#chunks.push({ start, size })
    this.#free.give(start, size)
    this.reservedBytes += size
  }

  #takeChunk(size: number, needed: number): [start: number, size: number] {
    if (size === needed) return [this.#memory.take(needed), needed]
    try {
      return [this.#memory.take(size), size]
    } catch {
      return [this.#memory.take(needed), needed]
    }
  }
}

function giveChunks(memory: LinearMemory, chunks: Chunk[]): void {
  for (const { start, size } of chunks.splice(0)) memory.give(start, size)
}

function wholeLines(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT
}

function show(bytes: number): string {
  return bytes < 2 ** 30 ? `${(bytes / 2 ** 20).toFixed(1)} MiB` : `${(bytes / 2 ** 30).toFixed(2)} GiB`
}
