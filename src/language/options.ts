import * as v from 'valibot'
import {
  abortSignal,
  countFrom,
  idsOf,
  isIds,
  looking,
  optionsOf,
  text,
  type Declared,
  type TokenIds,
} from '../check.ts'
import { ConfigError, describe, ShapeError } from '../errors.ts'
import type { Tokenizer } from '../tokenizers/tokenizer.ts'
import type { PrefixStore } from './saved/prefix-store.ts'
import { packSettings, SAMPLING, type SamplingSettings } from './settings.ts'

export interface GenerateOptions extends SamplingSettings {
  /** `Infinity`: until something else ends the text. Default: 256. */
  readonly maxTokens?: number
  /**
   * Tokens that end the text; they are not given out. Default: those that tokenizer and configuration
   * name.
   */
  readonly stopTokens?: TokenIds | number
  /** Ends the generation between two tokens: the reason of the signal is thrown. */
  readonly signal?: AbortSignal
}

export interface TextOptions extends GenerateOptions {
  /** Texts, or one, that end the generation; they are not given out. */
  readonly stop?: string | readonly string[]
}

/** How a session reads. */
export interface AppendOptions {
  /** Looks the state after all tokens up, and keeps it there once computed. */
  readonly store?: PrefixStore | undefined
  /** Ends the reading between two pieces with the signal's reason; the rest is read with what comes next. */
  readonly signal?: AbortSignal | undefined
}
const tokenId = v.pipe(v.number('a token id'), v.safeInteger('a token id'), v.minValue(0, 'a token id'))

/** One token, or several. */
const stopTokens = v.pipe(
  v.custom<TokenIds | number>((value) => typeof value === 'number' || isIds(value), 'token ids'),
  v.transform((ids) => (typeof ids === 'number' ? [ids] : idsOf(ids, 'stopTokens'))),
  v.array(tokenId),
)

/** One text, or several. */
const stop = v.pipe(
  v.union([text, v.array(text, 'a list of texts')], 'a text, or a list of texts'),
  v.transform((texts) => (typeof texts === 'string' ? [texts] : texts)),
)

export const GENERATE = {
  ...SAMPLING,
  maxTokens: v.union(
    [countFrom(0), v.literal(Number.POSITIVE_INFINITY)],
    'a whole number, 0 or more, or Infinity',
  ),
  stopTokens,
  signal: abortSignal,
} satisfies Declared<GenerateOptions>

export const TEXT = { ...GENERATE, stop } satisfies Declared<TextOptions>

const readGenerate = optionsOf<GenerateOptions>(GENERATE)
const readText = optionsOf<TextOptions>(TEXT)

/** What is to be drawn: checked options. */
export interface Run {
  readonly maxTokens: number
  readonly settings: Float32Array
  readonly stopTokens: ReadonlySet<number>
  readonly stop: readonly string[]
  readonly seed: number | undefined
  readonly signal: AbortSignal | undefined
}

/** Tokens that end a text, if the options name none. */
interface Ends {
  readonly end: readonly number[]
}

/** What options of a generation of tokens say. */
export function tokenRun(options: GenerateOptions, model: Ends, where: string): Run {
  return runOf(readGenerate(options, where), model)
}

/** What options of a generation of text say. */
export function textRun(options: TextOptions, model: Ends, where: string): Run {
  return runOf(readText(options, where), model)
}

/** Takes options that were read. */
export function runOf(options: TextOptions, model: Ends): Run {
  const { maxTokens = 256, stopTokens: ends = model.end, stop: texts = [], seed, signal } = options
  return {
    maxTokens,
    settings: packSettings(options),
    stopTokens: new Set(ends as readonly number[]),
    stop: texts as readonly string[],
    seed,
    signal,
  }
}

/** A prompt may stand before the options. */
export function splitPrompt<Options extends object>(
  first: string | TokenIds | Options | undefined,
  options: Options,
): { readonly prompt: string | TokenIds | undefined; readonly options: Options } {
  if (typeof first === 'string' || isIds(first)) return { prompt: first, options }
  return { prompt: undefined, options: first === undefined ? options : first }
}

/** A text, or token ids as a list of its own. Throws ConfigError for anything else. */
export function promptOf(value: unknown, where: string): string | number[] {
  if (typeof value === 'string') return value
  if (looking(where, () => isIds(value))) return idsOf(value, where)
  throw new ConfigError('not a prompt', {
    where,
    expected: 'a text, or a list of token ids',
    found: describe(value),
  })
}

/** Throws unless all ids are in the vocabulary. */
export function expectTokens(ids: readonly number[], vocabulary: number): void {
  const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)
  if (wrong < 0) return
  throw new ShapeError('token id outside the vocabulary', {
    where: `tokens[${wrong}]`,
    expected: `0 to ${vocabulary - 1}`,
    found: describe(ids[wrong]),
  })
}

/** A tokenizer, for what takes or gives text. `problem` says why one that there is cannot be read. */
export function expectTokenizer(tokenizer: Tokenizer | undefined, problem?: Error): Tokenizer {
  if (tokenizer) return tokenizer
  if (problem) {
    throw new ConfigError('the tokenizer of the model could not be read: it takes tokens, not text', {
      where: 'session',
      found: problem.message,
      cause: problem,
    })
  }
  throw new ConfigError('the model has no tokenizer: it takes tokens, not text', {
    where: 'session',
    hint: 'Give token ids, or load the model with its tokenizer',
  })
}

/** Throws if there are no tokens. */
export function expectSome(length: number): void {
  if (length > 0) return
  throw new ConfigError('there is nothing to continue: the session has no tokens', {
    where: 'generate',
    hint: 'Give at least one token',
  })
}
