import { describe, expect, test, type TestOptions } from 'vitest'
import type { AnyDevice, DeviceName } from '../../src/devices/device.ts'
import type { LanguageModel } from '../../src/language/language-model.ts'
import type { Session } from '../../src/language/session/session.ts'
import { Random } from '../../src/tensor/random.ts'
import { inNode, testDevices } from '../devices.ts'
import { onlyIn } from '../left-out.ts'
import { relativeError } from '../suites/compare.ts'
import {
  configOf,
  drawn,
  freshLogits,
  KINDS,
  openModel,
  randomTokens,
  type Kind,
} from '../suites/session-models.ts'

/** Rounding differs with the pieces that tokens are fed in. */
const TOLERANCE = 1e-5
const SAMPLED = { temperature: 1, topK: 20, maxTokens: 12 }

const near = (got: ArrayLike<number>, want: ArrayLike<number>, limit = TOLERANCE): void =>
  expect(relativeError(got, want)).toBeLessThan(limit)

const exact = (got: Float32Array, want: Float32Array): void => expect(got).toEqual(want)

testDevices('sessions', checks, [...inNode('reference'), 'wasm', ...inNode('webgpu')])

function checks(device: () => AnyDevice, repeatsOnDevice: TestOptions, name: DeviceName): void {
  const slow = (): boolean => device().name === 'webgpu'
  // The reference shows little that wasm does not.
  const repeats = name === 'reference' ? onlyIn('long') : repeatsOnDevice

  // The mix of all layers stands for the others.
  for (const kind of KINDS) describe(kind, kind === 'convolved' ? {} : repeats, () => checksOf(kind))

  function checksOf(kind: Kind): void {
    const withModel = async (body: (model: LanguageModel) => Promise<void>): Promise<void> => {
      const model = await openModel(device(), configOf(kind))
      const before = device().heap.usedBytes
      try {
        await body(model)
        expect(device().heap.usedBytes).toBe(before)
      } finally {
        model.dispose()
      }
    }

    test('a prompt in any pieces is the prompt in one', repeats, () =>
      withModel(async (model) => {
        const tokens = randomTokens(67, 3)
        const want = await freshLogits(model, tokens)
        for (const size of [1, 2, 7, 33]) {
          const session = model.session()
          for (let at = 0; at < tokens.length; at += size) await session.append(tokens.slice(at, at + size))
          near(await session.logits(), want)
          expect(session.tokens).toEqual(tokens)
          session.dispose()
        }
      }),
    )

    test('saved, restored, continued: as if it had gone on', () =>
      withModel(async (model) => {
        const session = model.session()
        await session.append(randomTokens(21, 5))
        await drawn(session, { ...SAMPLED, seed: 7, repetitionPenalty: 1.1 })
        const saved = await session.save()
        const again = await model.session({ from: saved })
        expect(again.tokens).toEqual(session.tokens)
        const next = { ...SAMPLED, repetitionPenalty: 1.1 }
        expect(await drawn(again, next)).toEqual(await drawn(session, next))
        const [a, b] = [await again.logits(), await session.logits()]
        if (device().name === 'reference') near(a, b)
        else exact(a, b)
        again.dispose()
        session.dispose()
      }))

    test('forks go their own ways', repeats, () =>
      withModel(async (model) => {
        const session = model.session()
        await session.append(randomTokens(80, 9))
        const fork = await session.fork()
        exact(await fork.logits(), await session.logits())
        await fork.append([1, 2, 3])
        await session.append([4, 5])
        near(await fork.logits(), await freshLogits(model, [...randomTokens(80, 9), 1, 2, 3]))
        near(await session.logits(), await freshLogits(model, [...randomTokens(80, 9), 4, 5]))
        const tokens = fork.tokens
        session.dispose()
        await fork.rewind(60)
        near(await fork.logits(), await freshLogits(model, tokens.slice(0, -60)))
        fork.dispose()
      }),
    )

    test('rewind, then the same tokens: the same bits', () =>
      withModel(async (model) => {
        const session = model.session()
        const states: Float32Array[] = []
        await session.append(randomTokens(100, 11))
        await drawn(session, { ...SAMPLED, maxTokens: 90, seed: 1 })
        await session.append(randomTokens(30, 12))
        await session.append([5])
        await drawn(session, { ...SAMPLED, maxTokens: 3 })
        states.push(await session.logits())
        const { tokens } = session
        const all = [1, 3, 4, 5, 20, 34, 35, 64, 65, 100, 124, 130, 200, tokens.length]
        for (const count of slow() ? [1, 4, 35, 65, 124, tokens.length] : all) {
          await session.rewind(count)
          expect(session.length).toBe(tokens.length - count)
          if (count % 2 === 0 && session.length > 0) {
            const at = await session.fork()
            near(await at.logits(), await freshLogits(model, tokens.slice(0, -count)))
            at.dispose()
          }
          await session.append(tokens.slice(tokens.length - count))
          exact(await session.logits(), states[0])
        }
        session.dispose()
      }))

    test('rewind, then other tokens: nothing of the old ones is left', repeats, () =>
      withModel(async (model) => {
        const [session, other] = [model.session(), model.session()]
        await session.append(randomTokens(70, 31))
        await session.append(randomTokens(70, 32))
        await session.rewind(100)
        for (const seed of [33, 34]) await session.append(randomTokens(60, seed))
        await session.rewind(80)
        const kept = [...randomTokens(70, 31).slice(0, 40), ...randomTokens(60, 33).slice(0, 40)]
        expect(session.tokens).toEqual(kept)
        await other.append(kept)
        near(await session.logits(), await other.logits())
        const penalised = { temperature: 0, maxTokens: 30, repetitionPenalty: 3, stopTokens: [] }
        const want = await drawn(other, penalised)
        expect(await drawn(session, penalised)).toEqual(want)
        await session.rewind(30)
        expect(await drawn(session, penalised)).toEqual(want)
        session.dispose()
        other.dispose()
      }),
    )

    test('a batch of different lengths: each as by itself', () =>
      withModel(async (model) => {
        const prompts = [1, 40, 17, 300].map((length, i) => randomTokens(length, 20 + i))
        const open = (): Promise<Session[]> =>
          Promise.all(
            prompts.map(async (prompt) => {
              const session = model.session()
              await session.append(prompt)
              return session
            }),
          )
        const [together, alone] = [await open(), await open()]
        const stopTokens = [3]
        const greedy = { temperature: 0, maxTokens: slow() ? 20 : 70, stopTokens }
        const steps = new Map<number, number[]>(prompts.map((_, i) => [i, []]))
        for await (const step of model.batch(together).generate(greedy)) {
          for (const { index, token } of step) if (token !== undefined) steps.get(index)!.push(token)
        }
        for (const [i, session] of alone.entries()) {
          expect(steps.get(i)).toEqual(await drawn(session, greedy))
          expect(together[i].tokens).toEqual(session.tokens)
          near(await together[i].logits(), await session.logits())
          await together[i].rewind(Math.min(66, session.length - 1))
          near(await together[i].logits(), await freshLogits(model, together[i].tokens))
        }
        for (const session of [...together, ...alone]) session.dispose()
      }))

    test('a rewind to before a batch is exact, and into it as near as the tokens read alone', repeats, () =>
      withModel(async (model) => {
        const sessions = [70, 9, 130].map((length, i) => ({
          session: model.session(),
          prompt: randomTokens(length, 50 + i),
        }))
        const before: Float32Array[] = []
        for (const { session, prompt } of sessions) {
          await session.append(prompt)
          before.push(await session.logits())
        }
        const options = { temperature: 0, maxTokens: 6, stopTokens: [] }
        for await (const _ of model.batch(sessions.map(({ session }) => session)).generate(options));
        for (const [i, { session, prompt }] of sessions.entries()) {
          const { tokens } = session
          await session.rewind(2)
          near(await session.logits(), await freshLogits(model, tokens.slice(0, -2)))
          await session.rewind(4)
          expect(session.tokens).toEqual(prompt)
          exact(await session.logits(), before[i])
          // Fed by themselves from then on, the same tokens have the same bits each time.
          await session.append(tokens.slice(prompt.length))
          const alone = await session.logits()
          await session.rewind(3)
          await session.append(tokens.slice(-3))
          exact(await session.logits(), alone)
          session.dispose()
        }
      }),
    )

    test('any sequence of operations is what its tokens say', repeats, () =>
      withModel(async (model) => {
        for (const seed of [1, 2]) await operations(model, seed)
      }),
    )
  }
}

/** Random operations; after some of them the logits must be those of the tokens, read at once. */
async function operations(model: LanguageModel, seed: number): Promise<void> {
  const random = new Random(seed)
  let session = model.session({ snapshots: seed })
  const pick = (most: number): number => 1 + random.integer(most)
  for (let count = 0; count < 30; count++) {
    const before = session.tokens
    switch (random.integer(6)) {
      case 0:
        await session.append(randomTokens(pick(70), random.integer(1e6)))
        break
      case 1: {
        const tokens = randomTokens(pick(3), random.integer(1e6))
        await session.append(tokens)
        expect(session.tokens).toEqual([...before, ...tokens])
        break
      }
      case 2:
        if (before.length > 0) await drawn(session, { temperature: 1, maxTokens: pick(20), stopTokens: [9] })
        break
      case 3: {
        const taken = random.integer(Math.min(before.length, 140) + 1)
        await session.rewind(taken)
        expect(session.tokens).toEqual(before.slice(0, before.length - taken))
        break
      }
      case 4: {
        const next = random.integer(2) === 0 ? session.fork() : model.session({ from: await session.save() })
        const other = await next
        await session.append([1])
        session.dispose()
        session = other
        expect(session.tokens).toEqual(before)
        break
      }
      default:
        if (before.length > 0) near(await session.logits(), await freshLogits(model, before))
    }
  }
  if (session.length > 0) near(await session.logits(), await freshLogits(model, session.tokens))
  session.dispose()
}
