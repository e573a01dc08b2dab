/** Computing in a page and in its workers leaves messages, timers and signals their turn. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { randomWindows } from '../../src/data/batches.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { cosine } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { configOf, openModel } from '../suites/session-models.ts'
import type { Said, Task, Told } from './turns-worker.ts'

const TASKS: readonly Task[] = [
  { what: 'generate', threads: 1 },
  { what: 'generate', threads: 2 },
  { what: 'train', threads: 2 },
]

/** A worker that has begun with a task. */
async function start(task: Task) {
  const worker = new Worker(new URL('turns-worker.ts', import.meta.url), { type: 'module' })
  onTestFinished(() => worker.terminate())
  const next = (): Promise<Said> =>
    new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data)
      worker.onerror = ({ message }) => reject(new Error(message))
    })
  const ask = (told: Told): Promise<Said> => {
    const said = next()
    worker.postMessage(told)
    return said
  }
  expect(await ask({ task })).toBe('step')
  return { ask, next }
}

describe('a worker on wasm hears while it computes', () => {
  for (const task of TASKS) {
    test(`messages: ${task.what}, threads: ${task.threads}`, async () => {
      const worker = await start(task)
      const waits: number[] = []
      for (let i = 0; i < 15; i++) {
        const sent = performance.now()
        expect(await worker.ask('ping')).toBe('pong')
        waits.push(performance.now() - sent)
      }
      waits.sort((a, b) => a - b)
      expect(waits[7]).toBeLessThan(50)
      expect(await worker.ask('stop')).toMatchObject({ stopped: 'AbortError' })
    })
  }

  test('a signal and a timer of its own', async () => {
    const worker = await start({ what: 'generate', threads: 1, timeout: 50 })
    const said = await worker.next()
    expect(said).toMatchObject({ stopped: 'TimeoutError' })
    expect((said as { fired: number }).fired).toBeGreaterThan(2)
  })
})

describe('timers of a page fire while it trains', () => {
  for (const name of ['wasm', 'reference'] as const) {
    test(`on ${name}`, async () => {
      const device = await openDevice(name)
      const model = await openModel(device, configOf('mamba2', 64))
      const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-6 }), steps: 500 })
      const batches = randomWindows({ tokens: new Uint8Array(1000), starts: [0] }, { batch: 1, length: 8 })
      const abort = new AbortController()
      let fired = 0
      const timer = setInterval(() => {
        if (++fired === 5) abort.abort('heard')
      }, 1)
      const trained = (async () => {
        for await (const _ of trainer.fit(batches, { signal: abort.signal }));
      })()
      await expect(trained).rejects.toBe('heard')
      clearInterval(timer)
      trainer.dispose()
      model.dispose()
      device.destroy()
    })
  }
})
