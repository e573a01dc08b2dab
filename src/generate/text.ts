import { ConfigError } from '../errors.ts'
import type { Model } from '../models/model.ts'
import { generateTokens, type GenerateOptions } from './generator.ts'

export interface TextOptions extends Omit<GenerateOptions, 'stopTokens'> {
  /** Texts that end the generation; they are not given out. */
  readonly stop?: readonly string[]
}

/**
 * Continues a text with a byte-level model (vocabulary of 256: the bytes of UTF-8), in pieces as they become certain: never
 * half a character, never the beginning of a stop text.
 */
export async function* generateText(
  model: Model,
  prompt: string,
  { stop = [], ...options }: TextOptions = {},
): AsyncGenerator<string, void, void> {
  if (model.vocabulary !== 256) {
    throw new ConfigError('not a byte-level model', {
      where: 'generate',
      expected: 'a vocabulary of 256',
      found: model.vocabulary,
    })
  }
  const decoder = new TextDecoder('utf-8', { fatal: false })
  const bytes = [...new TextEncoder().encode(prompt)]
  let held = ''
  for await (const byte of generateTokens(model, bytes, options)) {
    held += decoder.decode(Uint8Array.of(byte), { stream: true })
    const end = firstStop(held, stop)
    if (end >= 0) {
      if (end > 0) yield held.slice(0, end)
      return
    }
    const certain = held.length - longestBeginning(held, stop)
    if (certain === 0) continue
    yield held.slice(0, certain)
    held = held.slice(certain)
  }
  held += decoder.decode()
  if (held !== '') yield held
}

function firstStop(text: string, stop: readonly string[]): number {
  const places = stop
    .filter((each) => each !== '')
    .map((each) => text.indexOf(each))
    .filter((place) => place >= 0)
  return places.length === 0 ? -1 : Math.min(...places)
}

/** Length of the longest end of `text` that a stop text begins with. */
function longestBeginning(text: string, stop: readonly string[]): number {
  let longest = 0
  for (const each of stop) {
    for (let size = Math.min(each.length - 1, text.length); size > longest; size--) {
      if (text.endsWith(each.slice(0, size))) longest = size
    }
  }
  return longest
}
