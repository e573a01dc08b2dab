import { check, optionsOf } from '../check.ts'
import { MODEL, type Model } from '../models/model.ts'
import { passingSession, PROMPT, tokenizerOf, type PromptOptions } from './generator.ts'
import { TEXT, type TextOptions } from './options.ts'

export type { TextOptions } from './options.ts'

const readOptions = optionsOf<TextOptions & PromptOptions>({ ...TEXT, ...PROMPT })

/** Continues a text, in pieces as they become certain: a session that is dropped afterwards. */
export async function* generateText(
  model: Model,
  prompt: string,
  options: TextOptions & PromptOptions = {},
): AsyncGenerator<string, void, void> {
  const { capacity, ...drawing } = readOptions(options, 'generateText')
  check(model, MODEL, 'generateText')
  const session = passingSession(model, tokenizerOf(model), capacity)
  try {
    yield* session.generate(prompt, { seed: 0, ...drawing })
  } finally {
    session.dispose()
  }
}
