import { ConfigError, ShapeError } from '../errors.ts'
import type { Tokenizer } from '../tokenizers/tokenizer.ts'
import type { PrefixStore } from './saved/prefix-store.ts'
import type { SequenceSettings } from './session/sequence.ts'
import { packSettings, type SamplingSettings } from './settings.ts'

export interface GenerateOptions extends SamplingSettings {
  /** Default: 256. */
  readonly maxTokens?: number
  /** Tokens that end the text; they are not given out. Default: those of the tokenizer, if there is one. */
  readonly stopTokens?: readonly number[]
  /** Ends the generation between two tokens: the reason of the signal is thrown. */
  readonly signal?: AbortSignal
}

export interface TextOptions extends GenerateOptions {
  /** Texts that end the generation; they are not given out. */
  readonly stop?: readonly string[]
}

/** How a session reads. */
export interface AppendOptions {
  /** Looks the state after all tokens up, and keeps it there once computed. */
  readonly store?: PrefixStore | undefined
  /** Ends the reading between two pieces with the signal's reason; the rest is read with what comes next. */
  readonly signal?: AbortSignal | undefined
}

/** What is to be drawn: checked options. */
export interface Run {
  readonly maxTokens: number
  readonly settings: Float32Array
  readonly stopTokens: ReadonlySet<number>
  readonly stop: readonly string[]
  readonly seed: number | undefined
  readonly signal: AbortSignal | undefined
}

export function runOf(options: TextOptions, tokenizer: Tokenizer | undefined): Run {
  const { maxTokens = 256, stopTokens = tokenizer?.end ?? [], stop = [], seed, signal } = options
  if (maxTokens !== Number.POSITIVE_INFINITY) expectCount('generate: maxTokens', maxTokens, 0)
  if (seed !== undefined && !Number.isSafeInteger(seed)) {
    throw new ConfigError('must be an integer', { where: 'generate: seed', found: seed })
  }
  return { maxTokens, settings: packSettings(options), stopTokens: new Set(stopTokens), stop, seed, signal }
}

export function checkSessionOptions(options: SequenceSettings): SequenceSettings {
  expectCount('session: capacity', options.capacity ?? 1, 1)
  expectCount('session: snapshots', options.snapshots ?? 0, 0)
  return options
}

function expectCount(where: string, value: number, least: number): void {
  if (Number.isSafeInteger(value) && value >= least) return
  throw new ConfigError('not a count', { where, expected: `${least} or more`, found: value })
}

/** A prompt may stand before the options. */
export function splitPrompt<Options extends object>(
  first: string | readonly number[] | Options | undefined,
  options: Options,
): { readonly prompt: string | readonly number[] | undefined; readonly options: Options } {
  if (typeof first === 'string' || isTokens(first)) return { prompt: first, options }
  return { prompt: undefined, options: first ?? options }
}

const isTokens = (value: unknown): value is readonly number[] => Array.isArray(value)

/** Throws unless all ids are in the vocabulary. */
export function expectTokens(ids: readonly number[], vocabulary: number): void {
  const wrong = ids.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)
  if (wrong < 0) return
  throw new ShapeError('token id outside the vocabulary', {
    where: `tokens[${wrong}]`,
    expected: `0 to ${vocabulary - 1}`,
    found: ids[wrong],
  })
}

/** A tokenizer, for what takes or gives text. */
export function expectTokenizer(tokenizer: Tokenizer | undefined): Tokenizer {
  if (tokenizer) return tokenizer
  throw new ConfigError('the model has no tokenizer: it takes tokens, not text', {
    where: 'session',
    hint: 'Give token ids, or load the model with its tokenizer',
  })
}
