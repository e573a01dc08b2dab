import { DeviceError } from '../../errors.ts'
import { isNode, nodeModule } from '../../platform.ts'
import { choicesFor, type Choices, type ChoiceValues } from '../choices.ts'
import {
  RecordingDevice,
  type Arena,
  type Device,
  type HostArray,
  type Operand,
  type Storage,
} from '../device.ts'
import { notDropped, whenDropped } from '../dropped.ts'
import { expectHostArray, hostArray } from '../dtype.ts'
import { LinearMemory, WasmArena, type WasmStorage } from './arena.ts'
import { openDirectEngine, openRemoteEngine, type Engine } from './engine.ts'
import { chooseSimd, compileKernels, type Simd } from './features.ts'
import { KERNELS } from './generated/kernels.ts'
import type { WasmLaunch } from './launch.ts'
import { LAUNCH_WORDS, MAX_THREADS, type Launches } from './thread.ts'

export interface WasmOptions {
  /** Threads that compute, the calling one included. Default: the cores there are, at most 16. */
  readonly threads?: number
  readonly simd?: Simd | 'auto'
  /**
   * Whether V8 may join pairs of vectors where it can (14.6, Node 26): products are then twice as fast. It is
   * an experiment of V8, and kernels are checked before they are used. Default: yes.
   */
  readonly revectorize?: boolean
  /** Where a page serves dist/thread.js, if it may not start workers from memory. */
  readonly worker?: string | URL
  readonly choices?: Partial<ChoiceValues>
}

/** So many launches wait at most until they are started together: threads need not be woken for each one. */
const MOST_PENDING = 64
const MOST_THREADS_BY_DEFAULT = 16

/**
 * The WASM device. Launches are queued and start together: when there are many, when something is read or
 * written, or at the end of the current task.
 */
class WasmDevice extends RecordingDevice<WasmLaunch, Launches> implements Device<WasmLaunch> {
  readonly name = 'wasm'
  readonly description: string
  readonly heap: Arena
  readonly arena: Arena
  readonly choices: Choices
  /** Kernels load elements from any address. */
  readonly offsetAlignment = 1
  readonly #engine: Engine
  readonly #memory: LinearMemory
  #pending: Launches[] = []
  #pendingLaunches = 0

  constructor(engine: Engine, description: string, choices: Choices) {
    super()
    this.choices = choices
    this.description = description
    this.#engine = engine
    this.#memory = new LinearMemory(engine.maximumBytes, (bytes) => engine.grow(bytes))
    this.heap = new WasmArena(this.#memory)
    this.arena = new WasmArena(this.#memory)
    whenDropped(this, () => engine.destroy())
  }

  createArena(): Arena {
    this.expectOpen()
    const arena = new WasmArena(this.#memory)
    arena.catchIfDropped()
    return arena
  }

  write(storage: Storage, offset: number, data: HostArray): void {
    this.expectOpen()
    this.refuseWriteWhileRecording()
    expectHostArray('write', storage.dtype, data)
    this.#flush()
    this.#engine.write(addressOf(storage, offset), data)
  }

  async read(storage: Storage, offset: number, size: number): Promise<HostArray> {
    this.expectOpen()
    this.#flush()
    const bytes = await this.#engine.read(addressOf(storage, offset), size * storage.elementBytes)
    return hostArray(storage.dtype, bytes)
  }

  async synchronize(): Promise<void> {
    this.expectOpen()
    this.#flush()
    await this.#engine.synchronize()
  }

  protected end(): void {
    this.#pending = []
    this.heap.destroy()
    this.arena.destroy()
    notDropped(this)
    this.#engine.destroy()
  }

  protected *storagesOf({ args }: WasmLaunch): Iterable<Storage> {
    for (const value of Object.values(args)) if (typeof value === 'object') yield value.storage
  }

  protected compile({ kernel, args, items }: WasmLaunch): Launches {
    const { id, parameters } = KERNELS[kernel]
    const words = new Int32Array(3 + parameters.length)
    words[0] = words.length
    words[1] = id
    words[2] = items
    for (const [i, [name, type]] of parameters.entries()) {
      words[3 + i] = wordOf(args[name], type, `${kernel}: ${name}`)
    }
    return { words, count: 1 }
  }

  /** Launches that fit in their place together become one array of words: a replay copies it at once. */
  protected override join(compiled: readonly Launches[]): readonly Launches[] {
    const joined: Launches[] = []
    let rest = compiled
    while (rest.length > 0) {
      let size = 0
      let fitting = 0
      while (fitting < rest.length && size + rest[fitting].words.length <= LAUNCH_WORDS) {
        size += rest[fitting++].words.length
      }
      const words = new Int32Array(size)
      let at = 0
      let count = 0
      for (const launches of rest.slice(0, fitting)) {
        words.set(launches.words, at)
        at += launches.words.length
        count += launches.count
      }
      joined.push({ words, count })
      rest = rest.slice(fitting)
    }
    return joined
  }

  protected execute(compiled: readonly Launches[]): void {
    if (this.#pending.length === 0) queueMicrotask(() => this.#flush())
    for (const launches of compiled) {
      this.#pending.push(launches)
      this.#pendingLaunches += launches.count
    }
    if (this.#pendingLaunches >= MOST_PENDING) this.#flush()
  }

  #flush(): void {
    if (this.#pending.length === 0) return
    const pending = this.#pending
    this.#pending = []
    this.#pendingLaunches = 0
    this.#engine.run(pending)
  }
}

function addressOf(storage: Storage, offset: number): number {
  return (storage as WasmStorage).address + storage.elementBytes * offset
}

const float = new Float32Array(1)
const bits = new Int32Array(float.buffer)

function wordOf(value: Operand | number | undefined, type: 'usize' | 'i32' | 'f32', where: string): number {
  if (type === 'usize') {
    if (typeof value === 'number') throw new DeviceError('expected a tensor', { where, found: value })
    return value === undefined ? 0 : addressOf(value.storage, value.offset)
  }
  if (typeof value !== 'number' || (type === 'i32' && !Number.isInteger(value))) {
    throw new DeviceError(type === 'i32' ? 'expected an integer' : 'expected a number', {
      where,
      found: value,
    })
  }
  if (type === 'i32') return value
  float[0] = value
  return bits[0]
}

/**
 * Opens the WASM device. Results do not depend on the number of threads; they may differ in the last bits
 * between the base and the relaxed build, and relaxed ones between machines.
 */
export async function openWasm(options: WasmOptions = {}): Promise<Device<WasmLaunch>> {
  const simd = chooseSimd(options.simd ?? 'auto')
  // The main thread of a browser must not wait; its workers may.
  const mayWait = isNode || !('document' in globalThis)
  const shared = isNode || globalThis.crossOriginIsolated
  const cores = isNode
    ? nodeModule('node:os').availableParallelism()
    : globalThis.navigator.hardwareConcurrency
  const wanted = options.threads ?? Math.min(cores, MOST_THREADS_BY_DEFAULT)
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > MAX_THREADS) {
    throw new DeviceError('wrong number of threads', {
      where: 'wasm',
      expected: `1 to ${MAX_THREADS}`,
      found: wanted,
    })
  }
  const threads = shared ? wanted : 1
  const { module, revectorized, failed } = await compileKernels(simd, options.revectorize ?? true)
  const choices = choicesFor(revectorized ? 'wasm, revectorized' : 'wasm', options.choices)
  const engine = mayWait
    ? await openDirectEngine(module, threads, options.worker)
    : await openRemoteEngine(module, threads, shared, options.worker)
  const alone = shared ? '' : ' (the page is not cross-origin isolated)'
  const count = threads === 1 ? `1 thread${alone}` : `${threads} threads`
  const build = simd === 'relaxed' ? 'relaxed SIMD' : 'SIMD'
  const joined = revectorized ? ' in pairs' : ''
  const fault = failed.length > 0 ? ` (not in pairs: ${failed.join(', ')} failed the check)` : ''
  return new WasmDevice(engine, `wasm: ${build}${joined}, ${count}${fault}`, choices)
}
