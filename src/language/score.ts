/** How well a model foretells a text. */
import { IGNORE } from '../data/batches.ts'
import { ConfigError } from '../errors.ts'
import { languageLoss } from '../models/loss.ts'
import type { Model } from '../models/model.ts'
import { scope } from '../tensor/scope.ts'
import { tensor } from '../tensor/tensor.ts'

export interface ScoreOptions {
  /** Most tokens that a prediction sees, its window. Default: all that came before, as the state carries them. */
  readonly window?: number
  /** Windows begin so many tokens after each other; of each, only what no window before predicted counts. Default: half a window. */
  readonly stride?: number
  readonly onProgress?: (done: number, total: number) => void
}

export interface Score {
  /** Sum of -ln p over the tokens predicted: all but the first. */
  readonly nats: number
  readonly tokens: number
  /** exp(nats / tokens) */
  readonly perplexity: number
}

/** Logits that are in memory at a time. */
const MAX_LOGITS = 1 << 23

/**
 * Reads tokens in windows and adds up the cross-entropy of each token given those before it in its window (the sliding window of
 * the transformers documentation). Inside a window the state is carried, so that memory does not grow with its length.
 */
export async function scoreTokens(
  model: Model,
  tokens: readonly number[],
  { window = tokens.length, stride = Math.ceil(window / 2), onProgress }: ScoreOptions = {},
): Promise<Score> {
  if (tokens.length < 2)
    throw new ConfigError('there is nothing to predict', { where: 'score', found: tokens.length })
  if (window < 2 || stride < 1 || stride > window) {
    throw new ConfigError('windows must overlap or meet', {
      where: 'score',
      expected: 'a window of 2 tokens or more, and a stride up to its length',
      found: `window ${window}, stride ${stride}`,
    })
  }
  let nats = 0
  let predicted = 1
  for (let begin = 0; predicted < tokens.length; begin += stride) {
    const end = Math.min(begin + window, tokens.length)
    if (end <= predicted) continue
    nats += await scoreWindow(model, tokens.slice(begin, end), predicted - begin, (done) =>
      onProgress?.(Math.max(predicted, begin + done), tokens.length),
    )
    predicted = end
  }
  const count = tokens.length - 1
  return { nats, tokens: count, perplexity: Math.exp(nats / count) }
}

/** Sum of -ln p of the tokens from `first` on. */
async function scoreWindow(
  model: Model,
  tokens: readonly number[],
  first: number,
  onPiece: (done: number) => void,
): Promise<number> {
  const { device, vocabulary } = model
  const piece = Math.max(16, Math.min(512, Math.floor(MAX_LOGITS / vocabulary)))
  const states = model.createStates(1, tokens.length)
  const past = tensor(device, Int32Array.of(0))
  let nats = 0
  try {
    for (let start = 0; start < tokens.length - 1; start += piece) {
      const end = Math.min(start + piece, tokens.length - 1)
      const labels = Int32Array.from(tokens.slice(start + 1, end + 1), (token, i) =>
        start + 1 + i < first ? IGNORE : token,
      )
      past.write(Int32Array.of(start))
      const ids = model.tokens([tokens.slice(start, end)])
      const targets = tensor(device, labels, ids.shape)
      const made = scope(() => {
        const { loss, states: next } = languageLoss(model, ids, targets, { states, past })
        states.take(next)
        return loss
      })
      const counted = labels.reduce((count, label) => count + (label === IGNORE ? 0 : 1), 0)
      if (counted > 0) nats += (await made.item()) * counted
      for (const each of [made, ids, targets]) each.dispose()
      onPiece(end)
    }
  } finally {
    for (const each of [past, states]) each.dispose()
  }
  return nats
}
