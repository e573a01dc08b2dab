/** Long calls beside timers, sockets and signals, which are heard while the calls go on. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { randomWindows } from '../src/data/batches.ts'
import { slidingWindows } from '../src/data/passes.ts'
import type { FileLike } from '../src/checkpoints/source.ts'
import { LanguageModel } from '../src/language/language-model.ts'
import { loadModel } from '../src/language/load-model.ts'
import { scoreTokens } from '../src/language/score.ts'
import { evaluate } from '../src/tasks/evaluate.ts'
import { language } from '../src/tasks/language.ts'
import { cosine } from '../src/train/schedule.ts'
import { Trainer } from '../src/train/trainer.ts'
import { testDevices } from './devices.ts'
import { configOf, openModel } from './suites/session-models.ts'

const ENDLESS = { maxTokens: Number.POSITIVE_INFINITY, stopTokens: [] }
/** Tokens that take minutes on any device. */
const tokens = new Uint8Array(2_000_000)

type LongCall = (model: LanguageModel, signal: AbortSignal) => Promise<void>

async function take(items: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of items);
}

const drawTokens: LongCall = async (model, signal) => {
  const session = model.session()
  await session.append([1, 2, 3])
  await take(session.generateTokens({ ...ENDLESS, signal })).finally(() => session.dispose())
}

const train: LongCall = async (model, signal) => {
  const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-6 }), steps: 1e6 })
  const batches = randomWindows({ tokens, starts: [0] }, { batch: 1, length: 16 })
  await take(trainer.fit(batches, { signal })).finally(() => trainer.dispose())
}

/** Calls that only a signal ends. */
const CALLS: Readonly<Record<string, LongCall>> = {
  'drawing tokens': drawTokens,
  training: train,
  async 'drawing text'(model, signal) {
    const session = model.session({ history: false })
    await take(session.generate('a', { ...ENDLESS, signal })).finally(() => session.dispose())
  },
  async 'reading a prompt'(model, signal) {
    const session = model.session({ rewind: false, history: false })
    await session.append([...tokens], { signal }).finally(() => session.dispose())
  },
  async 'a batch of sessions'(model, signal) {
    const sessions = [model.session(), model.session()]
    for (const session of sessions) await session.append([1])
    await take(model.batch(sessions).generate({ ...ENDLESS, signal })).finally(() => {
      for (const session of sessions) session.dispose()
    })
  },
  async scoring(model, signal) {
    await scoreTokens(model, tokens, { signal })
  },
  async evaluating(model, signal) {
    const pass = slidingWindows(tokens, { window: 32, stride: 32, piece: 32 })
    await evaluate(model, language(), pass, { signal })
  },
}

/** The ways in which a process is told to stop: each gives a signal once it was told. */
const tell: Readonly<Record<string, () => Promise<AbortSignal>>> = {
  async timer() {
    return AbortSignal.timeout(30)
  },
  async socket() {
    const abort = new AbortController()
    const server = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.once('data', () => {
      client.destroy()
      server.close()
      abort.abort()
    })
    client.write('stop')
    return abort.signal
  },
  async process() {
    const abort = new AbortController()
    process.once('SIGUSR2', () => abort.abort())
    setTimeout(() => process.kill(process.pid, 'SIGUSR2'), 10)
    return abort.signal
  },
}

const errorOf = (call: Promise<unknown>): Promise<unknown> => call.catch((thrown: unknown) => thrown)

/** Expects that the signal ends the call, that a timer fires meanwhile, and that no memory is left behind. */
async function expectHeard(model: LanguageModel, call: LongCall, signal: AbortSignal): Promise<void> {
  const used = model.device.heap.usedBytes
  let fired = 0
  const timer = setInterval(() => fired++, 1)
  const error = await errorOf(call(model, signal))
  clearInterval(timer)
  expect(error).toBe(signal.reason)
  expect(fired).toBeGreaterThan(0)
  expect(model.device.heap.usedBytes).toBe(used)
}

testDevices(
  'a signal is heard',
  (device, repeats, name) => {
    for (const [what, call] of Object.entries(CALLS)) {
      test(`from a timer, while ${what}`, call === drawTokens ? {} : repeats, async () => {
        const model = await openModel(device(), configOf('mamba2', 256))
        await expectHeard(model, call, await tell['timer']())
        model.dispose()
      })
    }

    for (const way of ['socket', 'process']) {
      test.skipIf(name !== 'wasm' || process.platform === 'win32')(
        `from a ${way}, while drawing and training`,
        async () => {
          const model = await openModel(device(), configOf('mamba2', 256))
          await expectHeard(model, drawTokens, await tell[way]())
          await expectHeard(model, train, await tell[way]())
          model.dispose()
        },
      )
    }

    test('in the middle of loading and saving', repeats, async () => {
      const model = LanguageModel.create(configOf('mamba2', 8192, 128), device())
      const files = new Map<string, Blob>()
      await model.save(files)
      const source = new Map<string, FileLike>()
      for (const [file, blob] of files) source.set(file, new Uint8Array(await blob.arrayBuffer()))
      const used = device().heap.usedBytes
      const pieces: number[] = []
      const abort = new AbortController()
      const loading = loadModel(source, {
        device: device(),
        signal: abort.signal,
        onProgress: ({ done }) => {
          if (pieces.push(done) === 3) abort.abort()
        },
      })
      expect(await errorOf(loading)).toBe(abort.signal.reason)
      expect(pieces).toHaveLength(3)
      expect(device().heap.usedBytes).toBe(used)
      const target = new Map<string, Blob>()
      expect(await errorOf(model.save(target, { signal: abort.signal }))).toBe(abort.signal.reason)
      model.dispose()
    })

    test('and what it ended goes on where it was', repeats, async () => {
      const model = await openModel(device(), configOf('mamba2', 256))
      const prompt = Array.from({ length: 2000 }, (_, i) => (i * 7) % 256)
      const [ended, whole] = [model.session(), model.session()]
      const abort = new AbortController()
      setTimeout(() => abort.abort())
      expect(await errorOf(ended.append(prompt, { signal: abort.signal }))).toBe(abort.signal.reason)
      await whole.append(prompt)
      // All tokens were taken in; what was not read yet is read with what comes next.
      expect(ended.tokens).toEqual(prompt)
      expect(await ended.logits()).toEqual(await whole.logits())
      ended.dispose()
      whole.dispose()
      model.dispose()
    })
  },
  ['wasm', 'webgpu', 'reference'],
)
