/**
 * The contract of a device: memory in arenas, and lists of kernel launches that run in order.
 * Nothing here knows tensors or operations; the floors above do.
 *
 * Memory is counted in words of 4 bytes: f32 and i32 elements are one word.
 */
import type { Choices } from './choices.ts'
import { DeviceError, StateError } from '../errors.ts'

export type DeviceName = 'reference' | 'wasm' | 'webgpu'
export type DType = 'f32' | 'i32'
/** What a host array of a dtype is. */
export type HostArray = Float32Array | Int32Array

/** A piece of device memory with a count of its holders. At zero it goes back to its arena. */
export abstract class Storage {
  #holders = 1
  readonly words: number

  constructor(words: number) {
    this.words = words
  }

  get alive(): boolean {
    return this.#holders > 0
  }

  retain(): void {
    if (!this.alive) throw new StateError('memory was retained after its release')
    this.#holders++
  }

  release(): void {
    if (!this.alive) throw new StateError('memory was released twice')
    if (--this.#holders === 0) this.recycle()
  }

  /** Gives the memory back to the arena it came from. */
  protected abstract recycle(): void
}

/**
 * Hands out storages, and takes them back. Deterministic: the same sequence of requests and releases gets the
 * same places, so that a list of launches can be replayed.
 */
export interface Arena {
  /** May hold what was there before: kernels write every element they own. */
  allocate(words: number): Storage
  /** Memory held from the system, in bytes: the high-water mark of what was in use. */
  readonly reservedBytes: number
  /** Memory in use now, in bytes. */
  readonly usedBytes: number
  /** Largest `usedBytes` since the arena was made or `resetPeak` was called. */
  readonly peakBytes: number
  resetPeak(): void
  /** Gives everything back. All its storages are dead after this. */
  destroy(): void
}

/** What kernels are given of a tensor. Element (row, column) is at `offset + row * rowStride + column`. */
export interface Operand {
  readonly storage: Storage
  /** First element, in words from the start of the storage. */
  readonly offset: number
  readonly size: number
  /** Words from one row (last axis) to the next. Equal to the last axis if contiguous. */
  readonly rowStride: number
}

/** Launches that were recorded once and can be run again, on the same memory. */
export interface LaunchList {
  readonly length: number
}

export interface Device<Launch = never> {
  readonly name: DeviceName
  /** One line for people: adapter or engine, threads, features. */
  readonly description: string
  /** For what outlives a step: parameters, optimizer moments, states. */
  readonly heap: Arena
  /** For what a step makes and drops. */
  readonly arena: Arena
  /** How kernels are cut: measured for its class, or overridden when it was opened. */
  readonly choices: Choices
  /** Contiguous operands must start at a multiple of this many words. */
  readonly offsetAlignment: number
  createArena(): Arena

  /** Copies host data to the device, after all launches given before. */
  write(storage: Storage, offset: number, data: HostArray): void
  /** Copies `size` words to the host, after all launches given before. */
  read(storage: Storage, offset: number, size: number, dtype: DType): Promise<HostArray>
  /** Starts launches, in order; each sees what those before it wrote. */
  run(launches: readonly Launch[]): void
  /** Runs `body` and keeps the launches it started. Host writes inside are refused: a replay would lack them. */
  record(body: () => void): LaunchList
  /** Runs recorded launches again. */
  replay(list: LaunchList): void
  /** Resolves when everything given so far is done; rejects if any of it failed. */
  synchronize(): Promise<void>
  /** Frees all memory. The device is of no use after this. */
  destroy(): void
}

// Launches are made by an operation for its own device: their type does not matter outside.
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyDevice = Device<any>

interface Recording<Compiled> extends LaunchList {
  readonly compiled: readonly Compiled[]
}

let recordings = 0

/** Whether a device records what runs now. */
export function isRecording(): boolean {
  return recordings > 0
}

/** What devices share: recording. A device compiles launches to what it can run without looking again. */
export abstract class RecordingDevice<Launch, Compiled> {
  #recording: Compiled[] | undefined

  protected abstract compile(launch: Launch): Compiled
  protected abstract execute(compiled: readonly Compiled[]): void

  /** Brings what was recorded into the form that replays fastest. */
  protected join(compiled: readonly Compiled[]): readonly Compiled[] {
    return compiled
  }

  run(launches: readonly Launch[]): void {
    const compiled = launches.map((launch) => this.compile(launch))
    this.#recording?.push(...compiled)
    this.execute(compiled)
  }

  record(body: () => void): LaunchList {
    if (this.#recording) throw new DeviceError('a recording is under way already')
    const compiled: Compiled[] = []
    this.#recording = compiled
    recordings++
    try {
      body()
    } finally {
      recordings--
      this.#recording = undefined
    }
    const list: Recording<Compiled> = { length: compiled.length, compiled: this.join(compiled) }
    return list
  }

  replay(list: LaunchList): void {
    this.execute(this.compiledOf(list))
  }

  protected compiledOf(list: LaunchList): readonly Compiled[] {
    return (list as Recording<Compiled>).compiled
  }

  /** To be called by `write`. */
  protected refuseWriteWhileRecording(): void {
    if (this.#recording) {
      throw new DeviceError('host data was written while launches were recorded', {
        hint: 'Write inputs before the recording and before each replay, into tensors made outside',
      })
    }
  }
}
