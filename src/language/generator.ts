import type { Model } from '../models/model.ts'
import type { Tokenizer } from '../tokenizers/tokenizer.ts'
import { LanguageModel } from './language-model.ts'
import type { GenerateOptions } from './options.ts'
import { Session } from './session/session.ts'

export type { GenerateOptions } from './options.ts'

export interface PromptOptions extends GenerateOptions {
  /** Most positions that attention layers keep: prompt and new tokens. Default: room is made as needed. */
  readonly capacity?: number
}

/** Continues a prompt token by token: a session that is dropped afterwards. */
export async function* generateTokens(
  model: Model,
  prompt: readonly number[],
  options: PromptOptions = {},
): AsyncGenerator<number, void, void> {
  const session = passingSession(model, undefined, options)
  try {
    yield* session.generateTokens(prompt, { seed: 0, ...options })
  } finally {
    session.dispose()
  }
}

/** A session that only goes forward. */
export function passingSession(
  model: Model,
  tokenizer: Tokenizer | undefined,
  { capacity }: PromptOptions,
): Session {
  const room = capacity === undefined ? {} : { capacity }
  return new Session(model, tokenizer, { history: false, rewind: false, ...room })
}

/** How the model's text becomes tokens, if that is known. */
export const tokenizerOf = (model: Model): Tokenizer | undefined =>
  model instanceof LanguageModel ? model.tokenizer : undefined
