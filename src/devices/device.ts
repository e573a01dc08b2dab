/**
 * The contract of a device: memory in arenas, and lists of kernel launches that run in order.
 * A device knows neither tensors nor operations; the floors above do.
 *
 * Memory is counted in bytes. A storage holds elements of one dtype for its whole life, and a place inside it
 * (an offset, a size, a row stride) is counted in elements of that dtype.
 */
import type { Choices } from './choices.ts'
import type { DType, HostArray } from './dtype.ts'
import { endsOfMemory, type Storage } from './storage.ts'
import { DISPOSE } from '../disposal.ts'
import { DeviceError, expectSynchronous, StateError } from '../errors.ts'

export type { DType, HostArray } from './dtype.ts'
export { Storage } from './storage.ts'
/** The devices that there are. */
export type DeviceName = 'reference' | 'wasm' | 'webgpu'

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
  /** Whether `destroy` was called. */
  readonly destroyed: boolean
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
  /**
   * Frees all memory, and ends the threads. Whatever is asked of the device after this is a DeviceError; to
   * destroy it again is none. Whoever opened a device destroys it: a model only ends the device that it
   * opened itself.
   */
  destroy(): void
  /** As `destroy`: for `using`. */
  [DISPOSE](): void
}

/**
 * Any device. An operation makes launches for the device that it was given, and nobody else looks at them.
 */
export type AnyDevice = Device<unknown>

interface Recording<Compiled> extends LaunchList {
  readonly compiled: readonly Compiled[]
  readonly device: object
  /** What its launches use, and did not release themselves. It stays in memory as long as the list does. */
  readonly outside: readonly Storage[]
  readonly arenas: readonly Arena[]
  /** `endsOfMemory` when all of it was there. */
  seen: number
}

let recordings = 0

/** Whether some device records launches now. */
export function isRecording(): boolean {
  return recordings > 0
}

/**
 * What devices share: recording, and their end. A device compiles launches to a form that it can run without
 * looking again.
 */
export abstract class RecordingDevice<Launch, Compiled> {
  abstract readonly name: DeviceName
  #recording: { readonly compiled: Compiled[]; readonly used: Set<Storage> } | undefined
  #destroyed = false

  protected abstract compile(launch: Launch): Compiled
  protected abstract execute(compiled: readonly Compiled[]): void
  /** The memory that a launch works on. */
  protected abstract storagesOf(launch: Launch): Iterable<Storage>
  /** Frees what `destroy` frees: called once. */
  protected abstract end(): void

  /** Brings what was recorded into the form that replays fastest. */
  protected join(compiled: readonly Compiled[]): readonly Compiled[] {
    return compiled
  }

  run(launches: readonly Launch[]): void {
    this.expectOpen()
    const compiled = launches.map((launch) => this.compile(launch))
    if (this.#recording) {
      this.#recording.compiled.push(...compiled)
      for (const launch of launches) {
        for (const storage of this.storagesOf(launch)) this.#recording.used.add(storage)
      }
    }
    this.execute(compiled)
  }

  record(body: () => void): LaunchList {
    this.expectOpen()
    if (this.#recording) throw new DeviceError('a recording is under way already')
    const compiled: Compiled[] = []
    const used = new Set<Storage>()
    this.#recording = { compiled, used }
    recordings++
    try {
      expectSynchronous('record', body())
    } finally {
      recordings--
      this.#recording = undefined
    }
    const list: Recording<Compiled> = {
      length: compiled.length,
      compiled: this.join(compiled),
      device: this,
      outside: [...used].filter((storage) => storage.alive),
      arenas: [...new Set([...used].map(({ arena }) => arena))],
      seen: -1,
    }
    return list
  }

  replay(list: LaunchList): void {
    this.execute(this.replayable(list))
  }

  /**
   * What a list runs.
   *
   * @throws StateError if memory that it uses was released, DeviceError for a list of another device
   */
  protected replayable(list: LaunchList): readonly Compiled[] {
    this.expectOpen()
    const { device, compiled } = list as Recording<Compiled>
    if (device !== this) throw new DeviceError('the launches were recorded on another device')
    if (!this.hasMemory(list)) {
      throw new StateError('recorded launches use memory that was released', {
        where: 'replay',
        hint: 'Keep the tensors and the arena of a recording until its last replay, or record it again',
      })
    }
    return compiled
  }

  /** Whether the memory that a list uses is there. */
  protected hasMemory(list: LaunchList): boolean {
    const recording = list as Recording<Compiled>
    if (recording.seen === endsOfMemory()) return true
    for (const storage of recording.outside) if (!storage.alive) return false
    for (const arena of recording.arenas) if (arena.destroyed) return false
    recording.seen = endsOfMemory()
    return true
  }

  /** A device calls this first in `write`. */
  protected refuseWriteWhileRecording(): void {
    if (this.#recording) {
      throw new DeviceError('host data was written while launches were recorded', {
        hint: 'Write inputs before the recording and before each replay, into tensors made outside',
      })
    }
  }

  /** A device calls this first in whatever uses it. */
  protected expectOpen(): void {
    if (this.#destroyed) throw deviceDestroyed(this.name)
  }

  destroy(): void {
    if (this.#destroyed) return
    this.#destroyed = true
    this.end()
  }

  [DISPOSE](): void {
    this.destroy()
  }
}

/** For all that is asked of a device after its end. */
export function deviceDestroyed(name: DeviceName): DeviceError {
  return new DeviceError('the device was destroyed', { where: name, hint: 'Open a new device' })
}
