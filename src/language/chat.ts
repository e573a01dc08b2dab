import { DISPOSE } from '../disposal.ts'
import type { ChatMessage } from '../tokenizers/tokenizer.ts'
import type { LanguageModel } from './language-model.ts'
import { expectTokenizer, type TextOptions } from './options.ts'
import type { Session } from './session/session.ts'

/** How a conversation begins. */
export interface ChatOptions {
  /** What the model is told first. */
  readonly system?: string
}

/**
 * A conversation. Messages go through the model's chat template each time; what the new prompt shares with
 * the tokens that the session has seen is not read again: the state is rewound to where they part, and goes
 * on from there.
 */
export class Chat {
  readonly #session: Session
  readonly #model: LanguageModel
  readonly #system: readonly ChatMessage[]
  #messages: ChatMessage[]

  /** Made by `startChat`. */
  constructor(model: LanguageModel, session: Session, { system }: ChatOptions = {}) {
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
   * answer.
   *
   * @throws ConfigError if the model has no tokenizer or no chat template
   */
  async *ask(question: string, options: TextOptions = {}): AsyncGenerator<string, void, void> {
    const asked = [...this.#messages, { role: 'user', content: question }]
    const tokenizer = expectTokenizer(this.#model.tokenizer)
    const prompt = tokenizer.encode(tokenizer.chat(asked))
    await this.#moveTo(prompt)
    this.#messages = asked
    let answer = ''
    try {
      for await (const text of this.#session.generate(options)) {
        answer += text
        yield text
      }
    } finally {
      this.#messages = [...asked, { role: 'assistant', content: answer }]
    }
  }

  /** Takes the last question and its answer back; says whether there was one. */
  undo(): boolean {
    const last = this.#messages.findLastIndex(({ role }) => role === 'user')
    if (last < 0) return false
    this.#messages = this.#messages.slice(0, last)
    return true
  }

  /** Forgets the conversation. What the model is told first stays. */
  reset(): void {
    this.#messages = [...this.#system]
    this.#session.reset()
  }

  /** Gives the memory of the session back. */
  dispose(): void {
    this.#session.dispose()
  }

  [DISPOSE](): void {
    this.dispose()
  }

  /** Makes the session's tokens those of the prompt. */
  async #moveTo(prompt: readonly number[]): Promise<void> {
    const seen = this.#session.tokens
    const parted = seen.findIndex((token, i) => token !== prompt[i])
    const shared = parted < 0 ? seen.length : parted
    if (shared < seen.length) await this.#session.rewind(seen.length - shared)
    await this.#session.append(prompt.slice(shared))
  }
}

/** Begins a conversation. */
export function startChat(model: LanguageModel, options: ChatOptions = {}): Chat {
  expectTokenizer(model.tokenizer)
  return new Chat(model, model.session(), options)
}
