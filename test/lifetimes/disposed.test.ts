import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { randomWindows } from '../../src/data/batches.ts'
import type { AnyDevice, DeviceName } from '../../src/devices/device.ts'
import { DISPOSE } from '../../src/disposal.ts'
import { DeviceError, SidewinderError, StateError } from '../../src/errors.ts'
import { Chat } from '../../src/language/chat.ts'
import { createModel } from '../../src/language/create-model.ts'
import { LanguageModel } from '../../src/language/language-model.ts'
import { add, copyInto } from '../../src/ops/index.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { scope } from '../../src/tensor/scope.ts'
import { tensor } from '../../src/tensor/tensor.ts'
import { AdamW } from '../../src/train/adamw.ts'
import { cosine } from '../../src/train/schedule.ts'
import { Trainer } from '../../src/train/trainer.ts'
import { openTestGpu, whyNoGpu } from '../gpu.ts'
import { configOf, drawn } from '../suites/session-models.ts'

const open = (name: DeviceName): Promise<AnyDevice> =>
  name === 'webgpu' ? openTestGpu() : openDevice(name, { threads: 2 })

const batches = () =>
  randomWindows(
    { tokens: Int32Array.from({ length: 64 }, (_, i) => i), starts: [0] },
    { batch: 1, length: 8, seed: 1 },
  )

type Use = readonly [what: string, use: () => unknown]

/** Each use must end in an error of the class, at once or by and by. */
async function expectErrors(
  uses: readonly Use[],
  kind: typeof SidewinderError,
  words: RegExp,
): Promise<void> {
  for (const [what, use] of uses) {
    const ended = await Promise.resolve()
      .then(use)
      .then(
        () => 'nothing was thrown',
        (error: unknown) => error,
      )
    expect(ended, what).toBeInstanceOf(kind)
    expect((ended as Error).message, what).toMatch(words)
  }
}

const skipped = (name: DeviceName): boolean => {
  const wanted = inject('devices')
  return (wanted.length > 0 && !wanted.includes(name)) || (name === 'webgpu' && whyNoGpu() !== undefined)
}

describe.for(['reference', 'wasm', 'webgpu'] as const)('use after dispose on %s', (name) => {
  describe.skipIf(skipped(name))('is an error', () => {
    let device: AnyDevice
    beforeAll(async () => {
      device = await open(name)
    })
    afterAll(() => device.destroy())

    const make = (seed: number): LanguageModel => LanguageModel.create(configOf('mamba'), device, seed)

    test('of a tensor, and of launches that were recorded on it', async () => {
      const x = tensor(device, [1, 2])
      const y = tensor(device, [0, 0])
      const list = device.record(() => scope(() => copyInto(y, add(x, x))))
      device.replay(list)
      expect(await y.read()).toEqual(Float32Array.of(2, 4))
      const view = x.view()
      x.dispose()
      x.dispose()
      await expectErrors(
        [
          ['read', () => x.read()],
          ['write', () => x.write(Float32Array.of(1, 2))],
        ],
        StateError,
        /used after its release/,
      )
      device.replay(list)
      view.dispose()
      const other = tensor(device, [7, 7])
      await expectErrors([['replay', () => device.replay(list)]], StateError, /memory that was released/)
      await expectErrors(
        [
          ['view', () => x.view()],
          ['an operation', () => add(x, other)],
        ],
        StateError,
        /used after its release/,
      )
      for (const each of [y, other]) each[DISPOSE]()
    })

    test('of an arena that was destroyed', async () => {
      const arena = device.createArena()
      const x = scope(() => tensor(device, [1]), arena)
      const y = tensor(device, [1])
      const list = device.record(() => scope(() => copyInto(y, add(y, y)), arena))
      arena.destroy()
      arena.destroy()
      await expectErrors(
        [
          ['read', () => x.read()],
          ['allocate', () => arena.allocate(1)],
          ['replay', () => device.replay(list)],
        ],
        StateError,
        /destroyed|released/,
      )
      x.dispose()
      y.dispose()
    })

    test('of a model, and of all that was made of it: another one lies in its memory', async () => {
      const model = make(1)
      const options = { maxTokens: 4, temperature: 0, stopTokens: [] }
      const session = model.session()
      await session.append([1, 2, 3])
      await drawn(session, options)
      const other = await session.fork()
      const batch = model.batch([other])
      const stream = session.generateTokens(options)
      await stream.next()
      const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-3 }), steps: 9 })
      const fit = trainer.fit(batches())
      await fit.next()
      const saved = await session.save()
      model.dispose()
      model.dispose()
      const another = make(9)
      const ids = tensor(device, Int32Array.of(1), [1, 1])
      await expectErrors(
        [
          ['logits', () => model.logits([[1]])],
          ['forward', () => model.forward(ids)],
          ['session', () => model.session()],
          ['session from', () => model.session({ from: saved })],
          ['batch', () => model.batch([])],
          ['save', () => model.save(new Map())],
          ['fingerprint', () => model.fingerprint()],
          ['createStates', () => model.createStates(1)],
          ['a stream under way', () => stream.next()],
          ['generate', () => drawn(session, options)],
          ['append', () => session.append([1])],
          ['logits of a session', () => session.logits()],
          ['fork', () => session.fork()],
          ['save of a session', () => session.save()],
          ['restore', () => session.restore(saved)],
          ['rewind', () => session.rewind(1)],
          ['reset', () => session.reset()],
          ['a batch', () => batch.generate(options).next()],
          ['training under way', () => fit.next()],
        ],
        StateError,
        /the model was disposed/,
      )
      for (const each of [session, other, trainer, another, ids]) each[DISPOSE]()
    })

    test('of a session, also in the middle of a call', async () => {
      const model = make(1)
      const session = model.session()
      const stream = session.generateTokens([1, 2, 3], { stopTokens: [] })
      await stream.next()
      const rows = [model.session(), model.session()]
      for (const row of rows) await row.append([4])
      const steps = model.batch(rows).generate({ stopTokens: [], temperature: 0 })
      await steps.next()
      const reading = session.append(Array.from({ length: 1200 }, () => 5))
      await Promise.resolve()
      session.dispose()
      session.dispose()
      rows[0].dispose()
      const chat = new Chat(model, session)
      await expectErrors(
        [
          ['append under way', () => reading],
          ['a stream', () => stream.next()],
          ['append', () => session.append([1])],
          ['logits', () => session.logits()],
          ['fork', () => session.fork()],
          ['save', () => session.save()],
          ['another from it', () => model.session({ from: session })],
          ['reset of a chat', () => chat.reset()],
          ['a batch under way', () => steps.next()],
          ['a new batch', () => model.batch(rows).generate().next()],
        ],
        StateError,
        /the session was disposed/,
      )
      // The other session of the batch stands where the last whole step left it.
      expect(rows[1].length).toBe(2)
      await rows[1].append([1])
      rows[1].dispose()
      model.dispose()
    })

    test('of a trainer and an optimizer', async () => {
      const model = make(1)
      const trainer = new Trainer(model, { schedule: cosine({ peak: 1e-3 }), steps: 9 })
      const fit = trainer.fit(batches())
      await fit.next()
      const optimizer = new AdamW(model.parameters, {})
      trainer.dispose()
      optimizer[DISPOSE]()
      await expectErrors(
        [
          ['fit under way', () => fit.next()],
          ['fit', () => trainer.fit(batches()).next()],
          ['attach', () => trainer.attach(batches())],
        ],
        StateError,
        /the trainer was disposed/,
      )
      await expectErrors([['prepare', () => optimizer.prepare(1e-3, 0)]], StateError, /after its release/)
      model.dispose()
    })

    test('of a device, and of all on it', async () => {
      const ended = await open(name)
      const model = LanguageModel.create(configOf('mamba'), ended, 1)
      const session = model.session()
      const stream = session.generateTokens([1, 2], { stopTokens: [] })
      await stream.next()
      const x = tensor(ended, [1, 2])
      const list = ended.record(() => scope(() => copyInto(x, add(x, x))))
      const elsewhere = tensor(device, [1])
      const foreign = device.record(() => scope(() => copyInto(elsewhere, add(elsewhere, elsewhere))))
      await expectErrors([['replay', () => ended.replay(foreign)]], DeviceError, /another device/)
      ended.destroy()
      ended.destroy()
      await expectErrors(
        [
          ['record', () => ended.record(() => {})],
          ['replay', () => ended.replay(list)],
          ['run', () => ended.run([])],
          ['createArena', () => ended.createArena()],
          ['synchronize', () => ended.synchronize()],
        ],
        DeviceError,
        /the device was destroyed/,
      )
      await expectErrors(
        [
          ['read', () => x.read()],
          ['write', () => x.write(Float32Array.of(1, 2))],
          ['an operation', () => add(x, x)],
          ['a new tensor', () => tensor(ended, [1])],
          ['a stream', () => stream.next()],
          ['append', () => session.append([1])],
          ['logits', () => model.logits([[1]])],
          ['a session', () => model.session()],
          ['a model', () => LanguageModel.create(configOf('mamba'), ended, 1)],
        ],
        SidewinderError,
        /destroyed|earlier call failed/,
      )
      for (const each of [session, model, x, elsewhere]) each.dispose()
    })
  })
})

test('a model ends the device that it opened, and no other', async () => {
  const device = await openDevice('wasm', { threads: 1 })
  const options = { architecture: 'mamba', layers: 1, width: 16, vocabulary: 32 } as const
  const guest = await createModel({ ...options, device })
  expect(guest.ownsDevice).toBe(false)
  guest.dispose()
  await device.synchronize()
  const owner = await createModel({ ...options, device: 'reference' })
  expect(owner.ownsDevice).toBe(true)
  owner.dispose()
  await expect(owner.device.synchronize()).rejects.toThrow(DeviceError)
  guest.device.destroy()
})

test('the method of `using` has its symbol, or the one that tools put in its place', () => {
  expect(DISPOSE).toBe(Symbol.dispose)
})
