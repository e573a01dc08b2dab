/**
 * The contract of a device: memory in arenas, and lists of kernel launches that run in order.
 * A device knows neither tensors nor operations; the floors above do.
 *
 * Memory is counted in bytes. A storage holds elements of one dtype for its whole life, and a place inside it
 * (an offset, a size, a row stride) is counted in elements of that dtype.
 */
import type { Choices } from './choices.ts'
import { bytesOf, type DType, type HostArray } from './dtype.ts'
import { DeviceError, expectSynchronous, StateError } from '../errors.ts'

export type { DType, HostArray } from './dtype.ts'
/** The devices that there are. */
export type DeviceName = 'reference' | 'wasm' | 'webgpu'

/** A piece of device memory with a count of its holders. At zero it goes back to its arena. */
export abstract class Storage {
  #holders = 1
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

  /** Whether it has a holder. */
  get alive(): boolean {
    return this.#holders > 0
  }

  /** Adds a holder. */
  retain(): void {
    if (!this.alive) throw new StateError('memory was retained after its release')
    this.#holders++
  }

  /** Takes a holder away; without any, the memory goes back to the arena. */
  release(): void {
    if (!this.alive) throw new StateError('memory was released twice')
    if (--this.#holders === 0) this.recycle()
  }

  /** Gives the memory back to the arena it came from. */
  protected abstract recycle(): void
}

/**
 * Hands out storages, and takes them back. An arena is deterministic: the same sequence of requests and
 * releases gets the same places, so that a list of launches can be replayed.
 */
export interface Arena {
  /**
   * A storage for `size` elements of `dtype` (default f32). It may hold what was there before: kernels write
   * every element that they own.
   */
  allocate(size: number, dtype?: DType): Storage
  /** Memory held from the system, in bytes. */
  readonly reservedBytes: number
  /** Memory in use now, in bytes. What a device adds to a storage to round its size up is counted as well. */
  readonly usedBytes: number
  /** Largest `usedBytes` since the arena was made or `resetPeak` was called. */
  readonly peakBytes: number
  /** Counts `peakBytes` from now on. */
  resetPeak(): void
  /** Gives everything back. All its storages are dead after this. */
  destroy(): void
}

/**
 * What kernels are given of a tensor. Its dtype is that of the storage, and its numbers count elements.
 * Element (row, column) is at `offset + row * rowStride + column`.
 */
export interface Operand {
  readonly storage: Storage
  /** The first element, counted from the start of the storage. */
  readonly offset: number
  readonly size: number
  /** Elements from one row (last axis) to the next. Equal to the last axis if contiguous. */
  readonly rowStride: number
}

/** Launches that were recorded once and can be run again, on the same memory. */
export interface LaunchList {
  readonly length: number
}

/** What computes: memory, and lists of launches. `Launch` is what the device takes as one launch. */
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
  /**
   * Kernels take contiguous operands that start at a multiple of this many bytes; others must be copied
   * first.
   */
  readonly offsetAlignment: number
  /** A new arena, for a recording or anything else that shall keep its places. */
  createArena(): Arena

  /**
   * Copies host data to the elements from `offset` on, after all launches given before. The array must be
   * that of the storage's dtype: for f16 the bits as a Uint16Array.
   *
   * @throws ShapeError for another kind of array. On WebGPU also for a part of an f16 storage that begins at
   * an odd element, or ends at one before the last: memory is written there in words of 4 bytes.
   */
  write(storage: Storage, offset: number, data: HostArray): void
  /**
   * Copies `size` elements from `offset` on to the host, as they are stored, after all launches given before.
   */
  read(storage: Storage, offset: number, size: number): Promise<HostArray>
  /** Starts launches, in order; each sees what those before it wrote. */
  run(launches: readonly Launch[]): void
  /**
   * Runs `body` and keeps the launches it started. Host writes inside are refused: a replay would lack them.
   */
  record(body: () => void): LaunchList
  /** Runs recorded launches again. */
  replay(list: LaunchList): void
  /** Resolves when everything given so far is done; rejects if any of it failed. */
  synchronize(): Promise<void>
  /** Frees all memory. The device is of no use after this. */
  destroy(): void
}

/**
 * Any device. An operation makes launches for the device that it was given, and nobody else looks at them.
 */
export type AnyDevice = Device<unknown>

interface Recording<Compiled> extends LaunchList {
  readonly compiled: readonly Compiled[]
}

let recordings = 0

/** Whether some device records launches now. */
export function isRecording(): boolean {
  return recordings > 0
}

/**
 * What devices share: recording. A device compiles launches to a form that it can run without looking again.
 */
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
      expectSynchronous('record', body())
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

  /** A device calls this first in `write`. */
  protected refuseWriteWhileRecording(): void {
    if (this.#recording) {
      throw new DeviceError('host data was written while launches were recorded', {
        hint: 'Write inputs before the recording and before each replay, into tensors made outside',
      })
    }
  }
}
