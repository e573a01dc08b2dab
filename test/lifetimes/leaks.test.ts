import type { Worker } from 'node:worker_threads'
import { describe, expect, inject, test } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import type { WasmStorage } from '../../src/devices/wasm/arena.ts'
import { wasmLaunch } from '../../src/devices/wasm/launch.ts'
import { createModel } from '../../src/language/create-model.ts'
import { LanguageModel } from '../../src/language/language-model.ts'
import { loadModel } from '../../src/language/load-model.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { silu } from '../../src/ops/index.ts'
import { randomWindows } from '../../src/data/batches.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { cosine } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { configOf } from '../suites/session-models.ts'
import { canCount, collected, heldSettled } from './resources.ts'

const MODEL = new URL('../fixtures/edge/dtypes/f32', import.meta.url).pathname
/** Opening a device takes some 30 ms. */
const COUNT = inject('also').includes('long') ? 300 : 12

/** What may be opened and dropped, so often that a leak of any of it is more than chance. */
const openings: Record<string, () => Promise<unknown>> = {
  'devices that are destroyed': async () => (await openDevice('wasm', { threads: 2 })).destroy(),
  'devices that are dropped': async () => {
    tensor(await openDevice('wasm', { threads: 2 }), [1, 2])
  },
  'models that opened their device': async () => {
    const model = await loadModel(MODEL, { device: 'wasm' })
    await model.logits([[1, 2]])
    model.dispose()
  },
  'models that are dropped with the device that they opened': async () => {
    const model = await loadModel(MODEL, { device: 'wasm' })
    for await (const _ of model.session().generateTokens([1], { maxTokens: 2, stopTokens: [] }));
  },
  'models that cannot be loaded': async () => {
    const half = loadModel(MODEL, {
      device: 'wasm',
      onProgress: () => {
        throw new RangeError('in the middle')
      },
    })
    await expect(half).rejects.toThrow('in the middle')
  },
  'devices whose threads do not all start': async () => {
    const threads = process.getBuiltinModule('node:worker_threads') as { Worker: typeof Worker }
    const Original = threads.Worker
    let started = 0
    threads.Worker = class extends Original {
      constructor(...args: ConstructorParameters<typeof Original>) {
        if (++started === 3) throw new RangeError('no more threads')
        super(...args)
      }
    }
    try {
      await expect(openDevice('wasm', { threads: 5 })).rejects.toThrow(
        /a worker could not be started; found RangeError: no more threads/,
      )
    } finally {
      threads.Worker = Original
    }
  },
  'devices whose threads trap': async () => {
    const device = await openDevice('wasm', { threads: 3 })
    const x = tensor(device, new Float32Array(4096))
    device.run([wasmLaunch('activation', { x, y: x, kind: 99 }, x.size)])
    await expect(x.read()).rejects.toThrow(/a kernel failed/)
    device.destroy()
  },
  'models that are too large': () =>
    expect(
      createModel({ architecture: 'mamba2', layers: 1, width: 2 ** 20, vocabulary: 2 ** 20, device: 'wasm' }),
    ).rejects.toThrow(/out of memory/),
}

describe.skipIf(!canCount)(`threads, files and memory after ${COUNT} of each`, () => {
  test.each(Object.entries(openings))('%s', async (_, open) => {
    await open()
    const before = await heldSettled()
    for (let i = 0; i < COUNT; i++) {
      await open()
      // Nobody has to wait so long; but only so is it certain that the engine collects in between.
      if (i % 10 === 9) await collected()
    }
    const after = await heldSettled(before)
    expect(after.threads).toBeLessThanOrEqual(before.threads)
    expect(after.files).toBeLessThanOrEqual(before.files)
    expect(after.bytes).toBeLessThan(before.bytes + COUNT * 3_000_000)
  })
})

/** Where the next arena gets its memory: it stays low if what was before was given back. */
function nextAddress(device: AnyDevice): number {
  const arena = device.createArena()
  const { address } = arena.allocate(1) as WasmStorage
  arena.destroy()
  return address
}

const drops: Record<string, (model: LanguageModel) => unknown> = {
  tensors: ({ device }) => tensor(device, new Float32Array(1000)).view([500]),
  'tensors that a scope gave out': ({ device }) => scope(() => silu(tensor(device, new Float32Array(1000)))),
  'sessions, forked and in the middle of a text': async (model) => {
    const session = model.session()
    const tokens = session.generateTokens([1, 2, 3], { stopTokens: [] })
    await tokens.next()
    await (await session.fork()).append([4])
  },
  'batches in the middle of a text': async (model) => {
    const sessions = [model.session(), model.session()]
    for (const session of sessions) await session.append([1])
    await model.batch(sessions).generate({ stopTokens: [] }).next()
  },
  'sessions that were saved, restored and went back': async (model) => {
    const session = await model.session({ from: await savedBy(model) })
    await session.append(Array.from({ length: 70 }, (_, i) => i % 60))
    await session.rewind(3)
    await session.logits()
  },
  models: async ({ device }) => {
    const model = LanguageModel.create(configOf('hybrid'), device, 3)
    await model.session().append([1, 2, 3])
  },
  trainers: async (model) => {
    const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-9 }), steps: 2 })
    const tokens = Int32Array.from({ length: 100 }, (_, i) => i % 60)
    await trainer.fit(randomWindows({ tokens, starts: [0] }, { batch: 1, length: 8, seed: 1 })).next()
  },
}

const saved = new WeakMap<LanguageModel, Promise<Uint8Array>>()
function savedBy(model: LanguageModel): Promise<Uint8Array> {
  const make = async (): Promise<Uint8Array> => {
    const session = model.session()
    await session.append([5, 6, 7])
    return session.save()
  }
  if (!saved.has(model)) saved.set(model, make())
  return saved.get(model)!
}

describe.skipIf(!canCount)('memory of what is dropped without dispose goes back', () => {
  test.each(Object.entries(drops))('%s', async (_, drop) => {
    const device = await openDevice('wasm', { threads: 2 })
    const model = LanguageModel.create(configOf('hybrid'), device, 1)
    const dropMany = async (count: number): Promise<void> => {
      for (let i = 1; i <= count; i++) {
        await drop(model)
        if (i % 20 === 0) await collected()
      }
      await collected()
    }
    await dropMany(20)
    const before = { heap: device.heap.usedBytes, arena: device.arena.usedBytes, next: nextAddress(device) }
    await dropMany(2 * COUNT)
    // The engine may take a few collections to let go of the last one.
    const isBack = (): boolean =>
      device.heap.usedBytes <= before.heap && device.arena.usedBytes <= before.arena
    for (let tries = 0; tries < 20 && !isBack(); tries++) await collected()
    expect(device.heap.usedBytes).toBeLessThanOrEqual(before.heap)
    expect(device.arena.usedBytes).toBeLessThanOrEqual(before.arena)
    expect(nextAddress(device)).toBeLessThan(before.next + 10 * 2 ** 20)
    const used = device.heap.usedBytes
    expect(used).toBeGreaterThanOrEqual(model.bytes)
    model.dispose()
    device.destroy()
  })
})
