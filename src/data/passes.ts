/** How a text is read from end to end to be scored: every token but the first is predicted once. */
import { check, countFrom, needed, NUMBERS, optionsOf } from '../check.ts'
import { ConfigError } from '../errors.ts'
import { IGNORE, type Pass, type PassBatch } from './batch.ts'
import { expectEnough, expectIds, type TokenBatch } from './batches.ts'

/** Sizes of the windows of a pass. */
export interface StretchOptions {
  /** Rows computed together; fewer if the text is short. Default: 8. */
  readonly batch?: number
  /** Positions of a window. Default: 256. */
  readonly length?: number
  /** Most windows to read of each stretch. Default: all. */
  readonly windows?: number
}

const size = countFrom(1)
const readStretches = optionsOf<StretchOptions>({ batch: size, length: size, windows: size })

/**
 * `batch` stretches of a text side by side, each read from start to end in windows with the state carried
 * along. Attention layers begin anew in each window, so that they see no more than in training.
 */
export function stretches(
  tokens: ArrayLike<number>,
  given: StretchOptions = {},
): Pass<PassBatch<TokenBatch>> {
  const options = readStretches(given, 'stretches')
  expectIds(check(tokens, NUMBERS, 'stretches'))
  expectEnough(tokens.length, 2)
  const size = tokens.length
  const length = Math.min(options.length ?? 256, size - 1)
  const batch = Math.max(1, Math.min(options.batch ?? 8, Math.floor(size / (length + 1))))
  const starts = Array.from({ length: batch + 1 }, (_, row) => Math.floor((row * size) / batch))
  // The last token is only predicted.
  const ends = starts.slice(1).map((end) => Math.min(end, size - 1))
  const longest = Math.max(...ends.map((end, row) => end - starts[row]))
  const windows = Math.min(options.windows ?? Number.POSITIVE_INFINITY, Math.ceil(longest / length))
  return {
    batch,
    length,
    carried: true,
    masked: false,
    capacity: 0,
    *[Symbol.iterator]() {
      for (let window = 0; window < windows; window++) {
        const made = emptyWindow(batch, length)
        for (let row = 0; row < batch; row++) {
          const begin = starts[row] + window * length
          fillRow(made, row * length, tokens, begin, Math.min(begin + length, ends[row]))
        }
        yield { batch: made, past: window * length }
      }
    },
  }
}

/** How sliding windows lie. */
export interface WindowOptions {
  /** Most tokens that a window holds. A prediction sees those before it in its window. */
  readonly window: number
  /** Windows begin so many tokens after each other; of each, only what no window before predicted counts. */
  readonly stride: number
  /**
   * Most positions computed at once: a window is read in pieces, with the state and the caches of attention
   * carried along.
   */
  readonly piece: number
}

const readWindows = optionsOf<WindowOptions>({
  window: needed(size),
  stride: needed(size),
  piece: needed(size),
})

/**
 * The sliding windows of a text, one after the other (as in the transformers documentation on perplexity).
 */
export function slidingWindows(
  tokens: ArrayLike<number>,
  options: WindowOptions,
): Pass<PassBatch<TokenBatch>> {
  const { window, stride, piece } = readWindows(options, 'slidingWindows')
  expectIds(check(tokens, NUMBERS, 'slidingWindows'))
  if (tokens.length < 2)
    throw new ConfigError('there is nothing to predict', { where: 'score', found: tokens.length })
  const whole = Number.isInteger(stride) && (Number.isInteger(window) || window === Number.POSITIVE_INFINITY)
  if (!(whole && window >= 2 && stride >= 1 && stride <= window)) {
    throw new ConfigError('windows must overlap or meet', {
      where: 'score',
      expected: 'a window of 2 tokens or more, and a stride up to its length, in whole numbers',
      found: `window ${window}, stride ${stride}`,
    })
  }
  const inputs = Math.min(window, tokens.length) - 1
  const length = Math.min(piece, inputs)
  return {
    batch: 1,
    length,
    carried: true,
    masked: false,
    capacity: Math.ceil(inputs / length) * length,
    *[Symbol.iterator]() {
      for (const { begin, end, first } of windowsOf(tokens.length, window, stride))
        yield* piecesOf(tokens, begin, end, first, length)
    },
  }
}

interface Window {
  readonly begin: number
  readonly end: number
  /** First token that no window before held. */
  readonly first: number
}

function* windowsOf(size: number, window: number, stride: number): Generator<Window> {
  let first = 0
  for (let begin = 0; first < size; begin += stride) {
    const end = Math.min(begin + window, size)
    yield { begin, end, first }
    first = end
  }
}

/**
 * The inputs of a window are all its tokens but the last; what lies before `first` is read and does not
 * count.
 */
function* piecesOf(
  tokens: ArrayLike<number>,
  begin: number,
  end: number,
  first: number,
  length: number,
): Generator<PassBatch<TokenBatch>> {
  for (let at = begin; at < end - 1; at += length) {
    const made = emptyWindow(1, length)
    fillRow(made, 0, tokens, at, Math.min(at + length, end - 1))
    for (let i = 0; at + i + 1 < first && i < length; i++) made.labels[i] = IGNORE
    yield { batch: made, past: at - begin }
  }
}

function emptyWindow(batch: number, length: number): TokenBatch {
  return {
    tokens: new Int32Array(batch * length),
    labels: new Int32Array(batch * length).fill(IGNORE),
  }
}

/**
 * Tokens [from, to) and what follows each, from `at` on. What is left of the row is padding that no label
 * counts.
 */
function fillRow(made: TokenBatch, at: number, tokens: ArrayLike<number>, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    made.tokens[at + i - from] = tokens[i]!
    made.labels[at + i - from] = i + 1 < tokens.length ? tokens[i + 1] : IGNORE
  }
}
