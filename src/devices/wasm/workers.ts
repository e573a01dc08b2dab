/** Workers of Node (`worker_threads`) and of browsers. Both are started from the text of `thread.ts`. */
import { DeviceError } from '../../errors.ts'
import { isNode, nodeModule } from '../../platform.ts'
import { source } from './generated/thread.ts'
import type { Answer, Start } from './thread.ts'

export interface Thread {
  post(message: unknown, transfer?: ArrayBuffer[]): void
  onMessage(listener: (answer: Answer) => void): void
  /**
   * `inOrder` says that the thread left by itself, as all do after one of them failed. The leader then says
   * what failed.
   */
  onEnd(listener: (error: Error, inOrder: boolean) => void): void
  /** In Node, the process waits for this thread after `ref`, and not after `unref`. */
  ref(): void
  unref(): void
}

/** Where pages find the text of workers, if they may not start them from memory. */
export type WorkerAddress = string | URL | undefined

const POLICY =
  'A content security policy must allow wasm-unsafe-eval, and worker-src blob: or the address in the option worker'

const text = `${source}\nserve()\n`

/** Starts a worker, and waits until it is ready. `lose` is called if it breaks later. */
export async function startWorker(
  start: Start,
  lose: (error: Error) => void,
  address: WorkerAddress,
): Promise<{ worker: Thread; ready: Extract<Answer, { type: 'ready' }> }> {
  let worker: Thread
  try {
    worker = isNode ? nodeWorker() : browserWorker(address)
  } catch (cause) {
    throw new DeviceError('a worker could not be started', {
      where: 'wasm',
      found: String(cause),
      hint: isNode ? undefined : POLICY,
      cause,
    })
  }
  const ready = await new Promise<Extract<Answer, { type: 'ready' }>>((resolve, reject) => {
    worker.onEnd((cause, inOrder) => {
      const error = new DeviceError(`a worker ended (${cause.message})`, {
        where: 'wasm',
        hint: isNode ? undefined : POLICY,
        cause,
      })
      if (!inOrder) lose(error)
      reject(error)
    })
    worker.onMessage((answer) => {
      if (answer.type === 'ready') resolve(answer)
    })
    worker.post(start)
  })
  worker.unref()
  return { worker, ready }
}

function nodeWorker(): Thread {
  const { Worker } = nodeModule('node:worker_threads')
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(text)}`), {
    execArgv: [],
    name: 'sidewinder',
  })
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    onMessage: (listener) => void worker.on('message', listener),
    onEnd(listener) {
      worker.on('error', (error) => listener(error, false))
      worker.on('exit', (code) => listener(new Error(`exit code ${code}`), code === 0))
    },
    ref: () => worker.ref(),
    unref: () => worker.unref(),
  }
}

function browserWorker(address: WorkerAddress): Thread {
  const made = address ? undefined : URL.createObjectURL(new Blob([text], { type: 'text/javascript' }))
  const worker = new Worker(address ?? made!, { type: 'module', name: 'sidewinder' })
  if (made) worker.addEventListener('message', () => URL.revokeObjectURL(made), { once: true })
  return {
    post: (message, transfer = []) => worker.postMessage(message, transfer),
    onMessage: (listener) => worker.addEventListener('message', ({ data }) => listener(data)),
    onEnd(listener) {
      worker.addEventListener('error', (event) => {
        event.preventDefault()
        listener(new Error(event.message || 'it could not start'), false)
      })
    },
    ref: () => {},
    unref: () => {},
  }
}
