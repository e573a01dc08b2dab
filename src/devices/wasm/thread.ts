/**
 * What runs beside the WebAssembly module on each thread: the leader, which starts lists of launches, and the
 * followers, which take their share of them. This file imports no values: the build keeps its text
 * (`generated/thread.ts`), and workers are started from that text. They need no file of their own, and no
 * bundler has to find one.
 */
import type { HostArray } from '../device.ts'

/** One or more launches in words, as `kernels/engine.as.ts` reads them. */
export interface Launches {
  readonly words: Int32Array
  readonly count: number
}

export interface Failure {
  readonly message: string
  /** Number of the kernel that failed, if known. */
  readonly kernel: number | undefined
}

/**
 * Memory begins with nothing at 0, the sync area, the text of an error, and launches. Arenas hand out what
 * follows.
 */
const SYNC = 1024
const ERROR_TEXT = 0x3000
const ERROR_BYTES = 0x1000
const LAUNCHES = 0x4000
export const MEMORY_BEGIN = 0x80000
const PAGE = 65536
export const MAX_THREADS = 64

/** Words that the place for launches holds. */
export const LAUNCH_WORDS = (MEMORY_BEGIN - LAUNCHES) / 4

/** Words of the sync area, in bytes from its start: see `kernels/engine.as.ts`. */
const ARRIVED = 0
const LISTS = 128
const LIST_LAUNCHES = 260
const FAILED = 320
const PROGRESS = 512

/** A thread that fails adds this to the arrivals at the barrier: all others go on, and see that it failed. */
const RELEASE = 2 ** 30

interface Exports {
  lead(sync: number, list: number, launches: number, threads: number): number
  follow(sync: number, thread: number, threads: number): void
}

function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Exports {
  return new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as Exports
}

/** The largest memory that the engine lets us ask for. */
export function createMemory(): { memory: WebAssembly.Memory; maximumBytes: number } {
  for (let maximum = 65536; ; maximum /= 2) {
    try {
      const memory = new WebAssembly.Memory({ initial: MEMORY_BEGIN / PAGE, maximum, shared: true })
      return { memory, maximumBytes: maximum * PAGE }
    } catch (error) {
      if (maximum <= 2048) throw error
    }
  }
}

/** Grows the memory to at least so many bytes. */
export function growTo(memory: WebAssembly.Memory, bytes: number): void {
  const more = Math.ceil((bytes - memory.buffer.byteLength) / PAGE)
  if (more > 0) memory.grow(more)
}

/**
 * Marks a thread as failed, and lets those that wait for it go on. Only the first failure is kept, and only
 * it releases the others: a second release would make the count of arrivals wrap.
 */
function fail(memory: WebAssembly.Memory, thread: number, error: unknown): void {
  const words = new Int32Array(memory.buffer)
  const text = new TextEncoder().encode(String(error)).slice(0, ERROR_BYTES - 4)
  if (Atomics.load(words, (SYNC + FAILED) / 4) === 0) {
    words[ERROR_TEXT / 4] = text.length
    new Uint8Array(memory.buffer).set(text, ERROR_TEXT + 4)
  }
  if (Atomics.compareExchange(words, (SYNC + FAILED) / 4, 0, thread + 1) !== 0) return
  Atomics.add(words, (SYNC + ARRIVED) / 4, RELEASE)
  Atomics.notify(words, (SYNC + ARRIVED) / 4)
}

/**
 * Thread 0. It waits for the others, which the main thread of a browser must not do unless there are no
 * others.
 */
export class Leader {
  readonly memory: WebAssembly.Memory
  readonly #exports: Exports
  readonly #threads: number
  #words: Int32Array
  #bytes: Uint8Array
  failure: Failure | undefined

  constructor(module: WebAssembly.Module, memory: WebAssembly.Memory, threads: number) {
    this.memory = memory
    this.#exports = instantiate(module, memory)
    this.#threads = threads
    this.#words = new Int32Array(memory.buffer)
    this.#bytes = new Uint8Array(memory.buffer)
  }

  write(address: number, data: HostArray): void {
    this.#reach(address + data.byteLength)
    this.#bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), address)
  }

  /** A copy of so many bytes. */
  read(address: number, bytes: number): ArrayBuffer {
    this.#reach(address + bytes)
    return this.#bytes.slice(address, address + bytes).buffer
  }

  /** Runs the launches, and returns when they are done. After a failure it does nothing. */
  run(lists: readonly Launches[]): void {
    let at = LAUNCHES / 4
    let launches = 0
    for (const { words, count } of lists) {
      if (at + words.length > MEMORY_BEGIN / 4) {
        this.#lead(launches)
        at = LAUNCHES / 4
        launches = 0
      }
      this.#words.set(words, at)
      at += words.length
      launches += count
    }
    this.#lead(launches)
  }

  /** Tells the followers to leave. Nothing runs after this. */
  dismiss(): void {
    this.failure ??= { message: 'the device was destroyed', kernel: undefined }
    const words = this.#words
    words[(SYNC + LIST_LAUNCHES) / 4] = -1
    Atomics.add(words, (SYNC + LISTS) / 4, 1)
    Atomics.notify(words, (SYNC + LISTS) / 4)
  }

  #lead(launches: number): void {
    if (launches === 0 || this.failure) return
    try {
      if (this.#exports.lead(SYNC, LAUNCHES, launches, this.#threads)) return
    } catch (error) {
      fail(this.memory, 0, error)
    }
    this.failure = this.#whatFailed()
  }

  #whatFailed(): Failure {
    const words = this.#words
    const thread = Atomics.load(words, (SYNC + FAILED) / 4) - 1
    const size = words[ERROR_TEXT / 4]
    const text = new Uint8Array(this.memory.buffer).slice(ERROR_TEXT + 4, ERROR_TEXT + 4 + size)
    let launch = LAUNCHES / 4
    for (let i = words[(SYNC + PROGRESS + 64 * thread) / 4]; i > 0; i--) launch += words[launch]
    return { message: new TextDecoder().decode(text), kernel: words[launch + 1] }
  }

  /**
   * Makes the views anew when memory has grown. If another thread grew it, `grow(0)` lets this thread see
   * that.
   */
  #reach(end: number): void {
    if (end <= this.#words.byteLength) return
    if (end > this.memory.buffer.byteLength) this.memory.grow(0)
    this.#words = new Int32Array(this.memory.buffer)
    this.#bytes = new Uint8Array(this.memory.buffer)
  }
}

/** First message to a worker. */
export interface Start {
  readonly module: WebAssembly.Module
  /** Absent where memory cannot be passed between threads: the leader then makes its own. */
  readonly memory: WebAssembly.Memory | undefined
  readonly thread: number
  readonly threads: number
}

/** What a leader in a worker is told. It takes orders in sequence, and answers those that have an `id`. */
export type Order =
  | { readonly type: 'write'; readonly address: number; readonly data: HostArray }
  | { readonly type: 'run'; readonly lists: readonly Launches[] }
  | { readonly type: 'grow'; readonly bytes: number }
  | { readonly type: 'dismiss' }
  | { readonly type: 'synchronize'; readonly id: number }
  | { readonly type: 'read'; readonly id: number; readonly address: number; readonly bytes: number }

export type Answer =
  | { readonly type: 'ready'; readonly maximumBytes: number | undefined }
  | { readonly type: 'answer'; readonly id: number; readonly data?: ArrayBuffer; readonly failure?: Failure }

interface Port {
  postMessage(message: Answer, transfer: readonly ArrayBuffer[]): void
  close?(): void
}

/** Deno's port has no `close`: its workers end as those of pages do. */
function leave(port: Port): void {
  if (port.close) port.close()
  else globalThis.close()
}

/**
 * The body of every worker: called in the text that workers are started from.
 * @public
 */
export function serve(): void {
  const node = globalThis.process?.versions?.node
    ? globalThis.process.getBuiltinModule('node:worker_threads').parentPort
    : undefined
  const port = (node ?? globalThis) as unknown as Port
  let receive = (data: unknown): void => {
    receive = begin(data as Start, port)
  }
  if (node) node.on('message', (data) => receive(data))
  else globalThis.addEventListener('message', ({ data }) => receive(data))
}

/** Starts a thread. The function that it returns takes the messages after the first. */
function begin({ module, memory, thread, threads }: Start, port: Port): (data: unknown) => void {
  if (thread === 0) {
    const made = memory ? { memory, maximumBytes: undefined } : createMemory()
    const leader = new Leader(module, made.memory, threads)
    port.postMessage({ type: 'ready', maximumBytes: made.maximumBytes }, [])
    return (data) => obey(leader, data as Order, port)
  }
  const kernels = instantiate(module, memory!)
  port.postMessage({ type: 'ready', maximumBytes: undefined }, [])
  try {
    kernels.follow(SYNC, thread, threads)
  } catch (error) {
    fail(memory!, thread, error)
  }
  leave(port)
  return () => {}
}

function obey(leader: Leader, order: Order, port: Port): void {
  switch (order.type) {
    case 'write':
      return leader.write(order.address, order.data)
    case 'run':
      return leader.run(order.lists)
    case 'grow':
      try {
        growTo(leader.memory, order.bytes)
      } catch (error) {
        leader.failure ??= {
          message: `memory cannot grow to ${order.bytes} bytes (${String(error)})`,
          kernel: undefined,
        }
      }
      return
    case 'dismiss':
      leader.dismiss()
      return leave(port)
    case 'synchronize':
      return port.postMessage({ type: 'answer', id: order.id, failure: leader.failure }, [])
    case 'read': {
      const { id, address, bytes } = order
      if (leader.failure) return port.postMessage({ type: 'answer', id, failure: leader.failure }, [])
      const data = leader.read(address, bytes)
      return port.postMessage({ type: 'answer', id, data }, [data])
    }
    default:
      order satisfies never
  }
}
