import { expect, test, vi } from 'vitest'
import { ConfigError, DeviceError, ShapeError, StateError } from '../../src/errors.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import type { Session } from '../../src/language/session/session.ts'
import { inNode, testDevices } from '../devices.ts'
import { relativeError } from '../suites/compare.ts'
import { configOf, drawn, freshLogits, openModel, randomTokens } from '../suites/session-models.ts'

const near = (got: ArrayLike<number>, want: ArrayLike<number>): void =>
  expect(relativeError(got, want)).toBeLessThan(1e-5)

testDevices(
  'the use of sessions',
  (device, repeats) => {
    test('samples with seeds, penalties and stops in a batch as alone', async () => {
      const model = await openModel(device(), configOf('mamba2', 256))
      const texts = ['The sea', 'A ship, and', 'W']
      const options = { temperature: 1, repetitionPenalty: 1.2, maxTokens: 40, stop: ['e', 'a'] }
      const alone: string[] = []
      const wholes: (readonly number[])[] = []
      for (const [i, text] of texts.entries()) {
        const session = model.session()
        let all = ''
        for await (const part of session.generate(text, { ...options, seed: i })) all += part
        alone.push(all)
        wholes.push(session.tokens)
        session.dispose()
      }
      const sessions = texts.map(() => model.session())
      for (const [i, session] of sessions.entries()) await session.append(texts[i])
      const together = texts.map(() => '')
      for await (const step of model.batch(sessions).generate({ ...options, seeds: [0, 1, 2] })) {
        for (const { index, text } of step) together[index] += text
      }
      expect(together).toEqual(alone)
      expect(sessions.map(({ tokens }) => tokens)).toEqual(wholes)
      for (const session of sessions) session.dispose()
      model.dispose()
    })

    test(
      'sessions of a batch are locked while it generates, and free when the loop is left',
      repeats,
      async () => {
        const model = await openModel(device(), configOf('hybrid'))
        const [a, b] = [model.session(), model.session()]
        await a.append([1, 2, 3])
        await b.append([4])
        for await (const step of model.batch([a, b]).generate({ maxTokens: 5 })) {
          expect(step).toHaveLength(2)
          await expect(a.append([1])).rejects.toThrow(StateError)
          expect(() => b.reset()).toThrow(StateError)
          if (a.length === 5) break
        }
        expect([a.length, b.length]).toEqual([5, 3])
        near(await a.logits(), await freshLogits(model, a.tokens))
        near(await b.logits(), await freshLogits(model, b.tokens))
        expect(() => model.batch([a, a])).toThrow(StateError)
        a.dispose()
        await expect(drawnBatch(model, [a, b])).rejects.toThrow(StateError)
        await b.append([1])
        b.dispose()
        model.dispose()
      },
    )

    test('leaving the loop and going on is one text', async () => {
      const model = await openModel(device(), configOf('mamba', 256))
      const options = { temperature: 1, maxTokens: 60, stop: ['zzz', '\u00e9!'] }
      let whole = ''
      const one = model.session()
      for await (const text of one.generate('Call me', { ...options, seed: 3 })) whole += text
      const two = model.session()
      await two.append('Call me')
      let parts = ''
      let seed: number | undefined = 3
      while (two.length < one.length) {
        const maxTokens = one.length - two.length
        let pieces = 0
        for await (const text of two.generate({
          ...options,
          maxTokens,
          ...(seed !== undefined && { seed }),
        })) {
          parts += text
          if (++pieces === 3) break
        }
        seed = undefined
        const moved = await model.session({ from: await two.save() })
        expect(moved.tokens).toEqual(two.tokens)
        moved.dispose()
      }
      expect(parts).toBe(whole)
      expect(two.tokens).toEqual(one.tokens)
      one.dispose()
      two.dispose()
      model.dispose()
    })

    test('a stop text is not part of the session', repeats, async () => {
      const model = await openModel(device(), configOf('mamba', 256))
      const session = model.session()
      const options = { temperature: 1, maxTokens: 120, seed: 5 }
      const bytes: number[] = []
      await session.append('x')
      for (const byte of await drawn(session, options)) bytes.push(byte)
      const ascii = bytes.findIndex((byte, i) => i > 70 && byte < 128 && bytes[i + 1] < 128)
      expect(ascii).toBeGreaterThan(0)
      const stop = String.fromCharCode(bytes[ascii], bytes[ascii + 1])
      const first = model.tokenizer!.decode(bytes).indexOf(stop)
      session.reset()
      let text = ''
      for await (const part of session.generate('x', { ...options, stop: [stop] })) text += part
      expect(text).toBe(model.tokenizer!.decode(bytes).slice(0, first))
      expect(model.tokenizer!.decode(session.tokens)).toBe(`x${text}`)
      near(await session.logits(), await freshLogits(model, session.tokens))
      session.dispose()
      model.dispose()
    })

    test('without history, the last 64 tokens can be taken back, and memory stays', async () => {
      const model = await openModel(device(), configOf('mamba2'))
      const session = model.session({ history: false })
      const all = randomTokens(40, 2)
      await session.append(all)
      let used = 0
      for (let round = 0; round < 12; round++) {
        all.push(...(await drawn(session, { temperature: 1, maxTokens: 33, repetitionPenalty: 1.3 })))
        if (round === 4) used = device().heap.usedBytes
      }
      expect(device().heap.usedBytes).toBe(used)
      expect(session.length).toBe(all.length)
      expect(session.tokens.length).toBeLessThan(200)
      expect(session.tokens).toEqual(all.slice(-session.tokens.length))
      await expect(session.rewind(300)).rejects.toThrow(/go back/)
      await session.rewind(64)
      near(await session.logits(), await freshLogits(model, all.slice(0, -64)))
      const again = await model.session({ from: await session.save(), history: false })
      const options = { temperature: 1, maxTokens: 5, repetitionPenalty: 1.3 }
      expect(await drawn(again, options)).toEqual(await drawn(session, options))
      again.dispose()
      session.dispose()
      model.dispose()
    })

    test('what is wrong is refused, and changes nothing', repeats, async () => {
      const model = await openModel(device(), configOf('hybrid'))
      const session = model.session({ capacity: 40 })
      await expect(drawn(session, {})).rejects.toThrow(ConfigError)
      await expect(session.append([...randomTokens(20, 1), 64])).rejects.toThrow(ShapeError)
      await expect(session.append('text')).rejects.toThrow(ConfigError)
      await expect(session.append(randomTokens(41, 1))).rejects.toThrow(StateError)
      expect(session.length).toBe(0)
      await session.append([1, 2])
      await expect(session.rewind(3)).rejects.toThrow(StateError)
      await expect(drawn(session, { maxTokens: -1 })).rejects.toThrow(ConfigError)
      await expect(drawn(session, { maxTokens: 100, stopTokens: [] })).rejects.toThrow(/room/)
      await session.rewind(session.length - 2)
      near(await session.logits(), await freshLogits(model, [1, 2]))
      const first = session.append([3])
      await expect(session.append([4])).rejects.toThrow(StateError)
      await first
      expect(session.tokens).toEqual([1, 2, 3])
      expect(() => model.session({ capacity: 0 })).toThrow(ConfigError)
      session.dispose()
      await expect(session.append([1])).rejects.toThrow(StateError)
      model.dispose()
    })

    test('after an error of the device, a session says so', repeats, async () => {
      const model = await openModel(device(), configOf('mamba'))
      const sessions = [model.session(), model.session(), model.session()]
      for (const session of sessions) await session.append([1, 2])
      const lost = new DeviceError('lost')
      const broken = [vi.spyOn(model, 'last'), vi.spyOn(model, 'step')]
      for (const spy of broken) {
        spy.mockImplementation(() => {
          throw lost
        })
      }
      await expect(sessions[0].append([1, 2])).rejects.toBe(lost)
      await expect(drawnBatch(model, sessions.slice(1), 2)).rejects.toBe(lost)
      for (const spy of broken) spy.mockRestore()
      for (const session of sessions) {
        await expect(session.logits()).rejects.toThrow(StateError)
        await expect(session.save()).rejects.toMatchObject({ cause: lost })
        session.dispose()
      }
      model.dispose()
    })

    test('a signal ends reading and drawing; what was drawn stays', repeats, async () => {
      const model = await openModel(device(), configOf('mamba'))
      const session = model.session()
      await session.append([1])
      const abort = new AbortController()
      const tokens: number[] = []
      const loop = async (): Promise<void> => {
        for await (const token of session.generateTokens({ signal: abort.signal, stopTokens: [] })) {
          if (tokens.push(token) === 4) abort.abort()
        }
      }
      await expect(loop()).rejects.toThrow(/abort/i)
      expect(session.tokens).toEqual([1, ...tokens])
      await expect(session.append([1], { signal: abort.signal })).rejects.toThrow(/abort/i)
      near(await session.logits(), await freshLogits(model, session.tokens))
      session.dispose()
      model.dispose()
    })

    test('memory is flat, over 2,000 tokens where that is quick', async () => {
      const model = await openModel(device(), configOf('mamba', 64, 8))
      const quick = device().name === 'wasm'
      const count = quick ? 2000 : 250
      const session = model.session({ snapshots: quick ? 4 : 0 })
      await session.append([1, 2, 3])
      const bytes: number[] = []
      let done = 0
      for await (const _ of session.generateTokens({ maxTokens: count, stopTokens: [] })) {
        if (++done % (count / 5) !== 0) continue
        bytes.push(device().heap.usedBytes + device().arena.reservedBytes)
      }
      expect(done).toBe(count)
      // The two latest snapshots, 64 tokens apart, are there after 131 tokens.
      const settled = bytes.slice(2)
      expect(settled).toEqual(settled.map(() => settled[0]))
      session.dispose()
      model.dispose()
    })
  },
  [...inNode('reference', 'webgpu'), 'wasm'],
)

async function drawnBatch(model: LanguageModel, sessions: readonly Session[], maxTokens = 1): Promise<void> {
  for await (const _ of model.batch(sessions).generate({ maxTokens }));
}
