/**
 * Where launches run. The direct engine leads on the calling thread, in slices of some milliseconds between
 * which other work has its turn. The remote engine has its leader in a worker: the main thread of a browser
 * uses it, as it must not wait. Both take orders in sequence, and keep the first failure for whoever reads or
 * synchronizes next.
 */
import { DeviceError } from '../../errors.ts'
import { deviceDestroyed, type HostArray } from '../device.ts'
import { KERNELS } from './generated/kernels.ts'
import { LaunchQueue } from './queue.ts'
import {
  createMemory,
  growTo,
  Leader,
  type Answer,
  type Failure,
  type Launches,
  type Order,
} from './thread.ts'
import { startWorker, type Thread, type WorkerAddress } from './workers.ts'

export interface Engine {
  readonly maximumBytes: number
  write(address: number, data: HostArray): void
  run(lists: readonly Launches[]): void
  /** A copy of so many bytes. */
  read(address: number, bytes: number): Promise<ArrayBuffer>
  synchronize(): Promise<void>
  /** Makes memory reach to an address, or throws. */
  grow(bytes: number): void
  destroy(): void
}

export async function openDirectEngine(
  module: WebAssembly.Module,
  threads: number,
  address?: WorkerAddress,
): Promise<Engine> {
  const { memory, maximumBytes } = createMemory()
  const engine = new DirectEngine(new Leader(module, memory, threads), maximumBytes)
  try {
    await startFollowers(module, memory, threads, (error) => engine.lose(error), address)
    return engine
  } catch (error) {
    engine.destroy()
    throw error
  }
}

class DirectEngine implements Engine {
  readonly maximumBytes: number
  /** With the memory; dropped at the end, so that the memory goes even if someone keeps the engine. */
  #leader: Leader | undefined
  readonly #queue = new LaunchQueue((lists) => this.#leader?.run(lists))

  constructor(leader: Leader, maximumBytes: number) {
    this.#leader = leader
    this.maximumBytes = maximumBytes
  }

  write(address: number, data: HostArray): void {
    const leader = this.#open
    if (this.#queue.isEmpty) return leader.write(address, data)
    // The caller may change it before it is written.
    const copy = data.slice()
    this.#queue.after(() => leader.write(address, copy))
  }

  run(lists: readonly Launches[]): void {
    if (this.#open) this.#queue.launch(lists)
  }

  async read(address: number, bytes: number): Promise<ArrayBuffer> {
    return this.#queue.resultOf(() => this.#sound.read(address, bytes))
  }

  async synchronize(): Promise<void> {
    await this.#queue.resultOf(() => this.#sound)
  }

  grow(bytes: number): void {
    growTo(this.#open.memory, bytes)
  }

  lose(error: Error): void {
    if (this.#leader) this.#leader.failure ??= { message: error.message, kernel: undefined }
  }

  destroy(): void {
    this.#leader?.dismiss()
    this.#leader = undefined
    // Nothing runs any more; what waits for a result learns it.
    this.#queue.finish()
  }

  get #open(): Leader {
    if (this.#leader) return this.#leader
    throw deviceDestroyed('wasm')
  }

  get #sound(): Leader {
    const { failure } = this.#open
    if (failure) throw errorOf(failure)
    return this.#open
  }
}

/** `shared`: whether memory can be passed between threads. */
export async function openRemoteEngine(
  module: WebAssembly.Module,
  threads: number,
  shared: boolean,
  address?: WorkerAddress,
): Promise<Engine> {
  const own = shared ? createMemory() : undefined
  let lost: Error | undefined
  const waiting = new Map<
    number,
    { resolve(answer: ArrayBuffer | undefined): void; reject(error: Error): void }
  >()
  const lose = (error: Error): void => {
    lost ??= error
    for (const caller of waiting.values()) caller.reject(lost)
    waiting.clear()
  }
  const start = { module, memory: own?.memory, thread: 0, threads }
  const { worker, ready } = await startWorker(start, lose, address)
  try {
    if (own) await startFollowers(module, own.memory, threads, lose, address)
  } catch (error) {
    worker.post({ type: 'dismiss' } satisfies Order)
    throw error
  }
  worker.onMessage((answer: Answer) => {
    if (answer.type !== 'answer') return
    const caller = waiting.get(answer.id)
    waiting.delete(answer.id)
    if (waiting.size === 0) worker.unref()
    if (answer.failure) caller?.reject(errorOf(answer.failure))
    else caller?.resolve(answer.data)
  })
  let ids = 0
  const tell = (order: Order, transfer?: ArrayBuffer[]): void => worker.post(order, transfer)
  const ask = (order: (id: number) => Order): Promise<ArrayBuffer | undefined> =>
    new Promise((resolve, reject) => {
      if (lost) return reject(lost)
      const id = ids++
      waiting.set(id, { resolve, reject })
      worker.ref()
      tell(order(id))
    })
  return {
    maximumBytes: own?.maximumBytes ?? ready.maximumBytes!,
    write(address, data) {
      const copy = data.slice()
      tell({ type: 'write', address, data: copy }, [copy.buffer])
    },
    run: (lists) => tell({ type: 'run', lists }),
    grow(bytes) {
      if (own) growTo(own.memory, bytes)
      else tell({ type: 'grow', bytes })
    },
    async read(address, bytes) {
      return (await ask((id) => ({ type: 'read', id, address, bytes })))!
    },
    async synchronize() {
      await ask((id) => ({ type: 'synchronize', id }))
    },
    destroy() {
      tell({ type: 'dismiss' })
      lose(deviceDestroyed('wasm'))
    },
  }
}

async function startFollowers(
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  threads: number,
  lose: (error: Error) => void,
  address: WorkerAddress,
): Promise<Thread[]> {
  const numbers = Array.from({ length: threads - 1 }, (_, i) => i + 1)
  const started = await Promise.all(
    numbers.map((thread) => startWorker({ module, memory, thread, threads }, lose, address)),
  )
  return started.map(({ worker }) => worker)
}

function errorOf({ message, kernel }: Failure): DeviceError {
  if (kernel === undefined) return new DeviceError(message, { where: 'wasm', hint: 'Open a new device' })
  const name = Object.entries(KERNELS).find(([, { id }]) => id === kernel)?.[0]
  return new DeviceError(`a kernel failed (${message})`, {
    where: `wasm: ${name}`,
    hint: 'Its results are lost: open a new device',
  })
}
