/** The loss of a model on one batch, and its gradients. */
import { check, countFrom, flag, needed, optionsOf } from '../check.ts'
import { IGNORE, type Batch } from '../data/batch.ts'
import { ConfigError, ShapeError } from '../errors.ts'
import { MODEL, type ForwardOptions, type Model } from '../models/model.ts'
import type { States } from '../nn/states.ts'
import { withGradients } from '../ops/index.ts'
import { scope } from '../tensor/scope.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { batchTensors, disposeTensors, writeBatch } from './batch-tensors.ts'
import { inputOf } from './inputs.ts'
import { language } from './language.ts'
import { checkBatch, expectHead, fieldsOf, sizesOf, TASK, type Task, type Tensors } from './task.ts'

type Carried = Omit<ForwardOptions, 'reset' | 'mask'>

/** Runs the model on the tensors of a batch: what the head says, and the states that are left. */
export function forwardBatch(
  model: Model,
  tensors: Tensors,
  options: Carried = {},
): { readonly y: Tensor; readonly states: States } {
  return model.forward(inputOf(tensors), { reset: tensors['reset'], mask: tensors['mask'], ...options })
}

/** Runs the model and measures how far it is off: `loss` [1] is a mean over all that counts. */
export function taskLoss(
  model: Model,
  task: Task,
  tensors: Tensors,
  options: Carried = {},
): { readonly loss: Tensor; readonly y: Tensor; readonly states: States } {
  const { y, states } = forwardBatch(model, tensors, options)
  return { loss: task.loss(y, tensors), y, states }
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

/** A loss, and the gradients of all parameters. */
export interface LossAndGradients {
  /** Mean over all that counts: for classes cross-entropy in nats. */
  readonly loss: number
  /**
   * Gradient of the loss for every parameter, by its checkpoint name. Tied embeddings: the sum of both uses.
   */
  readonly gradients: Map<string, Float32Array>
}

/** How gradients are computed. */
export interface GradientOptions {
  /** Recompute each layer's inside in backward: less memory, the same numbers. */
  readonly recompute?: boolean
}

interface BatchGradientOptions extends GradientOptions {
  readonly rows: number
  readonly length: number
}

const readBatchOptions = optionsOf<BatchGradientOptions>({
  recompute: flag,
  rows: needed(countFrom(1)),
  length: needed(countFrom(1)),
})

/**
 * Loss and gradients of a task on one batch of `rows` rows of `length` positions.
 *
 * @throws ShapeError for a token or target that cannot be
 */
export async function batchGradients(
  model: Model,
  task: Task,
  batch: Batch,
  given: GradientOptions & { readonly rows: number; readonly length: number },
): Promise<LossAndGradients> {
  const { rows, length, ...options } = readBatchOptions(given, 'batchGradients')
  expectTrainable(check(model, MODEL, 'batchGradients'))
  expectHead(check(task, TASK, 'batchGradients'), model.config)
  const [masked, padded] = [batch['reset'] !== undefined, batch['mask'] !== undefined]
  const sizes = sizesOf(model.config, { batch: rows, length, carried: false, masked, padded })
  checkBatch(task, batch, sizes)
  const tensors = batchTensors(model.device, fieldsOf(task, sizes))
  writeBatch(tensors, batch)
  const one = tensor(model.device, [1])
  const parameters = [...model.parameters]
  const { result: loss, gradients } = scope(() =>
    withGradients(
      parameters.map(([, parameter]) => parameter.tensor),
      () => taskLoss(model, task, tensors, options).loss,
      (result) => new Map([[result, one]]),
    ),
  )
  const values = new Map<string, Float32Array>()
  for (const [name, parameter] of parameters) {
    const gradient = gradients.get(parameter.tensor)
    values.set(
      name,
      gradient ? ((await gradient.read()) as Float32Array) : new Float32Array(parameter.tensor.size),
    )
  }
  const value = await loss.item()
  disposeTensors(tensors)
  for (const made of [one, loss, ...gradients.values()]) made.dispose()
  return { loss: value, gradients: values }
}

/**
 * Loss and gradients of a language model for [batch][length] token ids. As in transformers, `labels` are
 * aligned with `tokens` and shifted inside: position t predicts label t + 1; -100 does not count.
 *
 * @throws ShapeError for ids outside the vocabulary, and for rows of different lengths
 */
export async function lossAndGradients(
  model: Model,
  {
    tokens,
    labels,
    ...options
  }: GradientOptions & {
    readonly tokens: readonly (readonly number[])[]
    readonly labels: readonly (readonly number[])[]
  },
): Promise<LossAndGradients> {
  const length = tokens[0]?.length ?? 0
  const shifted = labels.map((row) => [...row.slice(1), IGNORE])
  const batch = { tokens: flattened('tokens', tokens, length), labels: flattened('labels', shifted, length) }
  return batchGradients(model, language(), batch, { rows: tokens.length, length, ...options })
}

function flattened(name: string, rows: readonly (readonly number[])[], length: number): Int32Array {
  if (length === 0) throw new ShapeError('no tokens', { where: name })
  for (const [i, row] of rows.entries()) {
    if (row.length !== length) {
      throw new ShapeError('rows differ in length', {
        where: `${name}[${i}]`,
        expected: length,
        found: row.length,
      })
    }
    const wrong = row.findIndex((id) => !Number.isInteger(id))
    if (wrong < 0) continue
    throw new ShapeError('not a whole number', { where: `${name}[${i}][${wrong}]`, found: row[wrong] })
  }
  return Int32Array.from(rows.flat())
}
