/**
 * A worker that computes on wasm until it is told to stop, or for some seconds. It answers what it is sent
 * meanwhile, and in the end tells what stopped it.
 */
import { randomWindows } from '../../src/data/batches.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { cosine } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { configOf, openModel } from '../suites/session-models.ts'

export interface Task {
  readonly what: 'generate' | 'train'
  readonly threads: number
  /** Milliseconds after which a signal ends it, in place of a message. */
  readonly timeout?: number
}

export type Told = { readonly task: Task } | 'ping' | 'stop'
export type Said =
  | 'step'
  | 'pong'
  | { readonly stopped: string; readonly fired: number; readonly steps: number }

const say = (said: Said): void => postMessage(said)
const told = new AbortController()

async function compute({ what, threads, timeout }: Task): Promise<void> {
  const device = await openDevice('wasm', { threads })
  const model = await openModel(device, configOf('mamba2', 256))
  const signal = timeout === undefined ? told.signal : AbortSignal.timeout(timeout)
  const tokens = new Uint8Array(10_000)
  let steps = 0
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  try {
    const session = model.session({ history: false })
    await session.append([1])
    const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-6 }), steps: 2000 })
    const work =
      what === 'train'
        ? trainer.fit(randomWindows({ tokens, starts: [0] }, { batch: 1, length: 16 }), { signal })
        : session.generateTokens({ maxTokens: 100_000, stopTokens: [], signal })
    for await (const _ of work) if (steps++ === 0) say('step')
    say({ stopped: 'by nothing', fired, steps })
  } catch (error) {
    say({ stopped: (error as Error).name, fired, steps })
  }
  clearInterval(timer)
  model.dispose()
  device.destroy()
}

addEventListener('message', ({ data }: MessageEvent<Told>) => {
  if (data === 'ping') say('pong')
  else if (data === 'stop') told.abort()
  else void compute(data.task)
})
