import { languageLoss } from '../models/loss.ts'
import type { Model } from '../models/model.ts'
import type { States } from '../nn/states.ts'
import { persistent, scope } from '../tensor/scope.ts'
import { empty, type Tensor } from '../tensor/tensor.ts'
import { carriedStreams } from '../data/batches.ts'

export interface EvaluateOptions {
  /** Rows computed together. Default: 8. */
  readonly batch?: number
  /** Positions of a window. Default: 256. */
  readonly length?: number
  /** Most windows to look at. Default: all. */
  readonly windows?: number
}

export interface Evaluation {
  /** Mean cross-entropy in nats a token. */
  readonly loss: number
  /** The same in bits. */
  readonly bitsPerToken: number
  readonly tokens: number
}

/**
 * Cross-entropy of a text under a model: `batch` stretches of it, each read from start to end in windows, the state carried
 * from window to window (attention layers begin anew in each window).
 */
export async function evaluate(
  model: Model,
  tokens: ArrayLike<number>,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const length = Math.min(options.length ?? 256, Math.max(1, tokens.length - 2))
  const batch = Math.max(1, Math.min(options.batch ?? 8, Math.floor(tokens.length / (length + 1))))
  const windows = Math.min(
    options.windows ?? Number.POSITIVE_INFINITY,
    Math.floor(tokens.length / batch / length),
  )
  const batches = carriedStreams({ tokens, starts: [0] }, { batch, length })
  const kept = persistent(() => ({
    ids: empty(model.device, [batch, length], 'i32'),
    labels: empty(model.device, [batch, length], 'i32'),
    states: model.createStates(batch),
  }))
  let sum = 0
  let since = performance.now()
  for (let window = 0; window < windows; window++) {
    const { tokens: ids, labels } = batches.next()
    kept.ids.write(ids)
    kept.labels.write(labels)
    const loss = scope(() => oneWindow(model, kept))
    sum += await loss.item()
    loss.dispose()
    // A device may compute on this thread: let signals, timers and pages have their turn.
    if (performance.now() - since > 50) {
      await new Promise((resolve) => setTimeout(resolve))
      since = performance.now()
    }
  }
  for (const each of [kept.ids, kept.labels, kept.states]) each.dispose()
  const loss = sum / windows
  return { loss, bitsPerToken: loss / Math.LN2, tokens: windows * batch * length }
}

function oneWindow(
  model: Model,
  { ids, labels, states }: { readonly ids: Tensor; readonly labels: Tensor; readonly states: States },
): Tensor {
  const made = languageLoss(model, ids, labels, { states })
  states.take(made.states)
  return made.loss
}
