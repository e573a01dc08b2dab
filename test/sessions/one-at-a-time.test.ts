import { expect, test } from 'vitest'
import { StateError } from '../../src/errors.ts'
import { Chat } from '../../src/language/chat.ts'
import { LanguageModel } from '../../src/language/language-model.ts'
import type { Session } from '../../src/language/session/session.ts'
import { openChat } from '../../src/tokenizers/chat.ts'
import { byteTokenizer } from '../../src/tokenizers/text/bytes.ts'
import { testDevices } from '../devices.ts'
import { configOf, openModel } from '../suites/session-models.ts'

const TEMPLATE = '{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}<assistant>'
const GREEDY = { temperature: 0, maxTokens: 8, stopTokens: [] }

/** Two loops by turns, until each has ended: their texts, or what they throw. */
async function byTurns(...loops: AsyncGenerator<string>[]): Promise<unknown[]> {
  const made: unknown[] = loops.map(() => '')
  const going = new Set(loops.keys())
  while (going.size > 0) {
    for (const i of going) {
      const next = await loops[i].next().catch((error: unknown) => ({ error }))
      if ('error' in next || next.done) going.delete(i)
      if ('error' in next) made[i] = next.error
      else if (!next.done) made[i] = (made[i] as string) + next.value
    }
  }
  return made
}

async function allOf(loop: AsyncGenerator<string>): Promise<string> {
  let text = ''
  for await (const piece of loop) text += piece
  return text
}

testDevices('one call at a time', (device) => {
  const open = async (): Promise<LanguageModel> => {
    const { config, stack } = await openModel(device(), configOf('mamba', 256))
    const chat = await openChat(
      { where: 'chat_template.jinja', byName: new Map([['default', TEMPLATE]]) },
      {},
    )
    return new LanguageModel(config, stack, { ...byteTokenizer, chat })
  }

  test('a second question waits for its turn, and says so', async () => {
    const model = await open()
    const alone = new Chat(model, model.session())
    const answer = await allOf(alone.ask('first question', GREEDY))
    const messages = [...alone.messages]

    const chat = new Chat(model, model.session())
    const first = chat.ask('first question', GREEDY)
    const [one, two] = await byTurns(first, chat.ask('quite another one', GREEDY))
    expect(one).toBe(answer)
    expect(two).toBeInstanceOf(StateError)
    expect(chat.messages).toEqual(messages)

    const left = chat.ask('and this?', GREEDY)
    await left.next()
    expect(() => chat.undo()).toThrow(/another question is being answered; found "and this\?"/)
    chat.reset()
    expect(chat.messages).toEqual([])
    expect(await allOf(chat.ask('first question', GREEDY))).toBe(answer)
    await expect(left.next()).rejects.toThrow(StateError)
    expect(chat.messages).toEqual(messages)
    for (const each of [alone, chat]) each.dispose()
    model.dispose()
  })

  test('a question that fails before its answer was not asked', async () => {
    const model = await open()
    const chat = new Chat(model, model.session())
    await expect(allOf(chat.ask('x', { ...GREEDY, signal: AbortSignal.abort() }))).rejects.toThrow(/abort/i)
    await expect(allOf(chat.ask('x', { maxTokens: -1 }))).rejects.toThrow(/maxTokens/)
    await expect(allOf(chat.ask(5 as never))).rejects.toThrow(/question.*a text, found 5/)
    expect(chat.messages).toEqual([])
    expect(await allOf(chat.ask('x', GREEDY))).not.toBe('')
    chat.dispose()
    model.dispose()
  })

  const changes: readonly (readonly [what: string, change: (session: Session) => unknown])[] = [
    ['another generation', (session) => session.generateTokens(GREEDY).next()],
    ['append', (session) => session.append([1])],
    ['rewind', (session) => session.rewind(1)],
    ['reset', (session) => session.reset()],
    ['restore', async (session) => session.restore(await session.save())],
  ]
  test.each(changes)('a generation ends once the tokens are changed by %s', async (_, change) => {
    const model = await open()
    const session = model.session()
    const loop = session.generateTokens([1, 2, 3], GREEDY)
    await loop.next()
    await session.save()
    await session.logits()
    const copy = await session.fork()
    expect((await loop.next()).done).toBe(false)
    await change(session)
    await expect(loop.next()).rejects.toThrow(/changed while this generation was under way/)
    for (const each of [session, copy]) each.dispose()
    model.dispose()
  })

  test('a generation ends once a batch took its session', async () => {
    const model = await open()
    const sessions = [model.session(), model.session()]
    for (const session of sessions) await session.append([1, 2])
    const loop = sessions[0].generateTokens(GREEDY)
    await loop.next()
    for await (const _ of model.batch(sessions).generate({ ...GREEDY, maxTokens: 2 })) {
      await expect(sessions[1].generateTokens(GREEDY).next()).rejects.toThrow(StateError)
    }
    await expect(loop.next()).rejects.toThrow(StateError)
    for (const each of sessions) each.dispose()
    model.dispose()
  })
})
