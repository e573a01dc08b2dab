import { IGNORE } from '../data/batches.ts'
import { ConfigError } from '../errors.ts'
import { crossEntropy, reshape, withGradients } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import type { States } from '../nn/states.ts'
import type { ForwardOptions, Model } from './model.ts'

/**
 * Mean cross-entropy in nats of a language model. `labels` i32 [B, L] are the tokens to be predicted at each position (already
 * shifted), -100 where none.
 */
export function languageLoss(
  model: Model,
  tokens: Tensor,
  labels: Tensor,
  options: ForwardOptions = {},
): { readonly loss: Tensor; readonly count: Tensor; readonly states: States } {
  const { y: logits, states } = model.forward(tokens, options)
  const rows = tokens.size
  const { loss, count } = crossEntropy(
    { logits: reshape(logits, [rows, model.vocabulary]), labels: reshape(labels, [rows]) },
    { ignoreIndex: IGNORE },
  )
  return { loss, count, states }
}

/** Throws ConfigError if some of the model's weights have no gradient, as they are kept in fewer bits. */
export function expectTrainable({ parameters }: Model): void {
  for (const [name, { stored }] of parameters) {
    if (stored === 'f32') continue
    throw new ConfigError('packed weights cannot be trained', {
      where: name,
      expected: 'f32',
      found: stored,
      hint: "Load the model with { weights: 'f32' }",
    })
  }
}

export interface LossAndGradients {
  /** Mean cross-entropy in nats over the labels that count. */
  readonly loss: number
  /** Gradient of the loss for every parameter, by its checkpoint name. Tied embeddings: the sum of both uses. */
  readonly gradients: Map<string, Float32Array>
}

/**
 * Loss and gradients of a language model for [batch][length] token ids. As in transformers, `labels` are aligned with
 * `tokens` and shifted inside: position t predicts label t + 1; -100 does not count.
 */
export async function lossAndGradients(
  model: Model,
  {
    tokens,
    labels,
    ...options
  }: {
    readonly tokens: readonly (readonly number[])[]
    readonly labels: readonly (readonly number[])[]
    /** Recompute each layer's inside in backward: less memory, the same numbers. */
    readonly recompute?: boolean
  },
): Promise<LossAndGradients> {
  expectTrainable(model)
  const ids = model.tokens(tokens)
  const shifted = labels.flatMap((row) => [...row.slice(1), IGNORE])
  const targets = tensor(model.device, Int32Array.from(shifted), ids.shape)
  const one = tensor(model.device, [1])
  const parameters = [...model.parameters]
  const { result: loss, gradients } = scope(() =>
    withGradients(
      parameters.map(([, { tensor: each }]) => each),
      () => languageLoss(model, ids, targets, options).loss,
      (result) => new Map([[result, one]]),
    ),
  )
  const made = new Map<string, Float32Array>()
  for (const [name, { tensor: each }] of parameters) {
    const gradient = gradients.get(each)
    made.set(name, gradient ? ((await gradient.read()) as Float32Array) : new Float32Array(each.size))
  }
  const value = await loss.item()
  for (const each of [ids, targets, one, loss, ...gradients.values()]) each.dispose()
  return { loss: value, gradients: made }
}
