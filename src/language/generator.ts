import { check, countFrom, optionsOf, type Declared, type TokenIds } from '../check.ts'
import { MODEL, type Model } from '../models/model.ts'
import type { Tokenizer } from '../tokenizers/tokenizer.ts'
import { LanguageModel } from './language-model.ts'
import { GENERATE, type GenerateOptions } from './options.ts'
import { Session } from './session/session.ts'

export type { GenerateOptions } from './options.ts'

export interface PromptOptions extends GenerateOptions {
  /** Most positions that attention layers keep: prompt and new tokens. Default: room is made as needed. */
  readonly capacity?: number
}

export const PROMPT = { ...GENERATE, capacity: countFrom(1) } satisfies Declared<PromptOptions>
const readOptions = optionsOf<PromptOptions>(PROMPT)

/** Continues a prompt token by token: a session that is dropped afterwards. */
export async function* generateTokens(
  model: Model,
  prompt: TokenIds,
  options: PromptOptions = {},
): AsyncGenerator<number, void, void> {
  const { capacity, ...drawing } = readOptions(options, 'generateTokens')
  const session = passingSession(check(model, MODEL, 'generateTokens'), undefined, capacity)
  try {
    yield* session.generateTokens(prompt, { seed: 0, ...drawing })
  } finally {
    session.dispose()
  }
}

/** A session that only goes forward. */
export function passingSession(
  model: Model,
  tokenizer: Tokenizer | undefined,
  capacity: number | undefined,
): Session {
  const room = capacity === undefined ? {} : { capacity }
  return new Session(model, tokenizer, { history: false, rewind: false, ...room })
}

/** How the model's text becomes tokens, if that is known. */
export const tokenizerOf = (model: Model): Tokenizer | undefined =>
  model instanceof LanguageModel ? model.tokenizer : undefined
