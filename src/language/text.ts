import type { Model } from '../models/model.ts'
import { passingSession, tokenizerOf, type PromptOptions } from './generator.ts'
import type { TextOptions } from './options.ts'

export type { TextOptions } from './options.ts'

/** Continues a text, in pieces as they become certain: a session that is dropped afterwards. */
export async function* generateText(
  model: Model,
  prompt: string,
  options: TextOptions & PromptOptions = {},
): AsyncGenerator<string, void, void> {
  const session = passingSession(model, tokenizerOf(model), options)
  try {
    yield* session.generate(prompt, { seed: 0, ...options })
  } finally {
    session.dispose()
  }
}
