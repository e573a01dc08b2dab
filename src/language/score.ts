/** How well a model foretells a text. */
import { abortSignal, callback, check, countFrom, NUMBERS, optionsOf } from '../check.ts'
import { MODEL, type Model } from '../models/model.ts'

/** How a text is cut into windows. */
export interface ScoreOptions {
  /**
   * Most tokens that a window holds: a prediction sees those before it in its window. Default: two strides if
   * a stride is given; else all that came before.
   */
  readonly window?: number
  /**
   * Windows begin so many tokens after each other; of each, only what no window before held counts. Default:
   * half a window.
   */
  readonly stride?: number
  /** Called with how many tokens were predicted so far, of how many there are. */
  readonly onProgress?: (done: number, total: number) => void
  /** Ends the scoring between two pieces of the text: the reason of the signal is thrown. */
  readonly signal?: AbortSignal | undefined
}

const readOptions = optionsOf<ScoreOptions>({
  window: countFrom(1),
  stride: countFrom(1),
  onProgress: callback,
  signal: abortSignal,
})

/** How well a model foretells a text. */
export interface Score {
  /** Sum of -ln p over the tokens predicted. */
  readonly nats: number
  /**
   * How many were predicted: all but the first, and but the first of each window that only meets the one
   * before.
   */
  readonly tokens: number
  /** exp(nats / tokens) */
  readonly perplexity: number
}

/** Logits that are in memory at a time. */
const MAX_LOGITS = 1 << 23

/**
 * Reads tokens in windows and adds up the cross-entropy of each token given those before it in its window
 * (the sliding window of the transformers documentation). Inside a window states and caches are carried, so
 * that memory does not grow with its length.
 *
 * @throws ConfigError for fewer than two tokens, or windows with gaps; ShapeError for ids outside the
 * vocabulary
 */
export async function scoreTokens(
  model: Model,
  tokens: ArrayLike<number>,
  options: ScoreOptions = {},
): Promise<Score> {
  const { window, stride, onProgress, signal } = readOptions(options, 'score')
  check(model, MODEL, 'score')
  check(tokens, NUMBERS, 'score: tokens')
  // Loaded by who scores, and not by every page that loads a model.
  const [{ slidingWindows }, { evaluate }, { language }] = await Promise.all([
    import('../data/passes.ts'),
    import('../tasks/evaluate.ts'),
    import('../tasks/language.ts'),
  ])
  const windows = windowsOf({ window, stride }, tokens.length)
  const pass = slidingWindows(tokens, {
    ...windows,
    piece: Math.max(16, Math.min(512, Math.floor(MAX_LOGITS / model.vocabulary))),
  })
  const { loss, count } = await evaluate(model, language(), pass, {
    onBatch: (counted) => onProgress?.(counted, tokens.length - 1),
    signal,
  })
  return { nats: loss * count, tokens: count, perplexity: Math.exp(loss) }
}

/** Window and stride, the one from the other: a stride is half a window if nobody says. */
export function windowsOf(
  { window, stride }: Pick<ScoreOptions, 'window' | 'stride'>,
  tokens: number,
): { readonly window: number; readonly stride: number } {
  const size = window ?? (stride === undefined ? Math.max(2, tokens) : 2 * stride)
  return { window: size, stride: stride ?? Math.max(1, Math.ceil(size / 2)) }
}
