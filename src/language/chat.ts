import { check, optionsOf, text } from '../check.ts'
import { DISPOSE } from '../disposal.ts'
import { ConfigError, describe, StateError } from '../errors.ts'
import type { ChatMessage } from '../tokenizers/tokenizer.ts'
import { LanguageModel } from './language-model.ts'
import { expectTokenizer, textRun, type TextOptions } from './options.ts'
import type { Session } from './session/session.ts'

/** How a conversation begins. */
export interface ChatOptions {
  /** What the model is told first. */
  readonly system?: string
}

const readOptions = optionsOf<ChatOptions>({ system: text })

/**
 * A conversation. Messages go through the model's chat template each time; what the new prompt shares with
 * the tokens that the session has seen is not read again: the state is rewound to where they part, and goes
 * on from there. One question is answered at a time.
 */
export class Chat {
  readonly #session: Session
  readonly #model: LanguageModel
  readonly #system: readonly ChatMessage[]
  #messages: ChatMessage[]
  /** The question that is being answered. */
  #asked: readonly ChatMessage[] | undefined

  /** Made by `startChat`. */
  constructor(model: LanguageModel, session: Session, options: ChatOptions = {}) {
    const { system } = readOptions(options, 'chat')
    this.#model = model
    this.#session = session
    this.#system = system === undefined ? [] : [{ role: 'system', content: system }]
    this.#messages = [...this.#system]
  }

  /** All messages so far. */
  get messages(): readonly ChatMessage[] {
    return this.#messages
  }

  /**
   * The answer, in pieces as they become certain. Leaving the loop early keeps what was given out as the
   * answer; so does an error, unless it comes before the first piece: the question then counts as not asked.
   *
   * @throws ConfigError if the model has no tokenizer or no chat template, StateError while another question
   *   is being answered
   */
  async *ask(question: string, options: TextOptions = {}): AsyncGenerator<string, void, void> {
    const tokenizer = expectTokenizer(this.#model.tokenizer, this.#model.tokenizerProblem)
    const { signal } = textRun(options, tokenizer, 'ask')
    this.#expectFree('ask')
    const before = this.#messages
    const asked = [...before, { role: 'user', content: check(question, text, 'ask: question') }]
    const prompt = tokenizer.encode(tokenizer.chat(asked))
    this.#asked = asked
    let answer: string | undefined
    try {
      await this.#moveTo(prompt, signal)
      this.#set(asked, asked)
      for await (const piece of this.#session.generate(options)) {
        answer = (answer ?? '') + piece
        yield piece
      }
      answer ??= ''
    } finally {
      this.#set(asked, answer === undefined ? before : [...asked, { role: 'assistant', content: answer }])
      if (this.#asked === asked) this.#asked = undefined
    }
  }

  /**
   * Takes the last question and its answer back; says whether there was one.
   *
   * @throws StateError while a question is being answered
   */
  undo(): boolean {
    this.#expectFree('undo')
    const last = this.#messages.findLastIndex(({ role }) => role === 'user')
    if (last < 0) return false
    this.#messages = this.#messages.slice(0, last)
    return true
  }

  /**
   * Forgets the conversation. What the model is told first stays. An answer that is under way ends with a
   * StateError at its next piece.
   */
  reset(): void {
    this.#session.reset()
    this.#asked = undefined
    this.#messages = [...this.#system]
  }

  /** Gives the memory of the session back. */
  dispose(): void {
    this.#session.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  /** Changes the messages, unless the conversation was forgotten since the question. */
  #set(asked: readonly ChatMessage[], messages: ChatMessage[]): void {
    if (this.#asked === asked) this.#messages = messages
  }

  #expectFree(where: string): void {
    const question = this.#asked?.at(-1)
    if (!question) return
    throw new StateError('another question is being answered', {
      where: `chat: ${where}`,
      found: describe(question.content),
      hint: 'Go through its answer first, or leave the loop; take a chat for each conversation',
    })
  }

  /** Makes the session's tokens those of the prompt. */
  async #moveTo(prompt: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    const seen = this.#session.tokens
    const parted = seen.findIndex((token, i) => token !== prompt[i])
    const shared = parted < 0 ? seen.length : parted
    if (shared < seen.length) await this.#session.rewind(seen.length - shared)
    await this.#session.append(prompt.slice(shared), { signal })
  }
}

/** Begins a conversation. Throws ConfigError if the model has no tokenizer. */
export function startChat(model: LanguageModel, options: ChatOptions = {}): Chat {
  if (!(model instanceof LanguageModel)) {
    throw new ConfigError('not a model', {
      where: 'startChat',
      expected: 'a language model',
      found: describe(model),
    })
  }
  expectTokenizer(model.tokenizer, model.tokenizerProblem)
  return new Chat(model, model.session(), options)
}
