/** The one loop that reads data with a model: what it foretells, how far that is off, and what it says. */
import { abortSignal, callback, check, optionsOf } from '../check.ts'
import type { Pass, PassBatch } from '../data/batch.ts'
import { ConfigError } from '../errors.ts'
import { faultError, isFault } from '../models/faults.ts'
import { MODEL, type Model } from '../models/model.ts'
import type { States } from '../nn/states.ts'
import { persistent, scope } from '../tensor/scope.ts'
import { empty, type Tensor } from '../tensor/tensor.ts'
import { givingTurns } from '../turn.ts'
import { batchTensors, disposeTensors, writeBatch } from './batch-tensors.ts'
import { forwardBatch } from './loss.ts'
import {
  checkBatch,
  expectHead,
  fieldsOf,
  sizesOf,
  TASK,
  type Sizes,
  type Summary,
  type Task,
} from './task.ts'

/** What ends the reading of data before they end. */
export interface ReadingOptions {
  /** Ends it between two batches: the reason of the signal is thrown. */
  readonly signal?: AbortSignal | undefined
}

/** What is called while an evaluation runs, and what ends it. */
export interface EvaluateOptions extends ReadingOptions {
  /** Called after each batch, with how much has been counted so far. */
  readonly onBatch?: (counted: number, batch: PassBatch) => void
}

const readReading = optionsOf<ReadingOptions>({ signal: abortSignal })
const readOptions = optionsOf<EvaluateOptions>({ onBatch: callback, signal: abortSignal })

/** How a model does on data that come to an end. */
export interface Evaluation extends Summary {
  /**
   * Mean over all that counted: the sum of the losses, divided by their number (or the sum of their weights).
   */
  readonly loss: number
  /** What the loss is a mean over. */
  readonly count: number
}

/**
 * Evaluates a model: loss = Σ losses / Σ counted, and the metrics of the task. What the pass carries (states,
 * caches of attention) goes from batch to batch.
 *
 * @throws ConfigError if the model has another head than the task needs, or nothing counts; ShapeError for
 *   what cannot be read; NumericsError for a loss that is not finite, which names the first layer at fault
 */
export async function evaluate(
  model: Model,
  task: Task,
  pass: Pass,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const { onBatch, signal } = readOptions(options, 'evaluate')
  check(task, TASK, 'evaluate: task')
  const meter = task.meter()
  let [sum, count] = [0, 0]
  for await (const { loss, counted, y, item, sizes } of readPass(model, task, pass, {
    targets: true,
    outputs: meter.reads,
    signal,
  })) {
    if (counted > 0) sum += loss * counted
    count += counted
    if (y) meter.add(y, item.batch, sizes)
    onBatch?.(count, item)
  }
  if (!(count > 0)) throw new ConfigError('there is nothing to evaluate', { where: task.name })
  const loss = sum / count
  return { loss, count, ...meter.summary(loss) }
}

/** What a model says of one batch. */
export interface Prediction<Item extends PassBatch> {
  /**
   * What the head says, row-major: [B, outputs], or [B, L, outputs]. Rows and positions of padding mean
   * nothing.
   */
  readonly y: Float32Array
  readonly item: Item
  readonly sizes: Sizes
}

/**
 * Reads a pass without its targets, and gives what the model says of batch after batch.
 *
 * @throws ConfigError if the model has another head than the task needs; ShapeError for what cannot be read
 */
export async function* predict<Item extends PassBatch>(
  model: Model,
  task: Task,
  pass: Pass<Item>,
  options: ReadingOptions = {},
): AsyncGenerator<Prediction<Item>, void, void> {
  const { signal } = readReading(options, 'predict')
  const reading = { targets: false, outputs: true, signal }
  for await (const { y, item, sizes } of readPass(model, task, pass, reading)) yield { y: y!, item, sizes }
}

interface ReadOptions extends ReadingOptions {
  /** Whether the batches have targets to be compared with. */
  readonly targets: boolean
  /** Whether what the head says is read back. */
  readonly outputs: boolean
}

interface ReadBatch<Item> {
  /** Mean over what counted in this batch; 0 without targets. */
  readonly loss: number
  readonly counted: number
  readonly y: Float32Array | undefined
  readonly item: Item
  readonly sizes: Sizes
}

async function* readPass<Item extends PassBatch>(
  model: Model,
  task: Task,
  pass: Pass<Item>,
  { targets, outputs, signal }: ReadOptions,
): AsyncGenerator<ReadBatch<Item>, void, void> {
  expectHead(check(task, TASK, 'task'), check(model, MODEL, 'model').config)
  const sizes = sizesOf(model.config, pass)
  const { device } = model
  const fields = targets ? fieldsOf(task, sizes) : task.inputs.fields(sizes)
  const [tensors, past] = persistent(() => [
    batchTensors(device, fields),
    pass.capacity > 0 ? empty(device, [pass.batch], 'i32') : undefined,
  ])
  let states: States | undefined
  try {
    for await (const item of givingTurns(pass, signal)) {
      if (pass.carried) {
        states ??= model.createStates(pass.batch, pass.capacity)
        if (item.past === 0) states.clear()
      }
      if (!targets) task.inputs.check(item.batch, sizes)
      const counted = targets ? checkBatch(task, item.batch, sizes) : 0
      writeBatch(tensors, item.batch)
      past?.write(new Int32Array(pass.batch).fill(item.past))
      const made = scope(() => {
        const { y, states: next } = forwardBatch(model, tensors, { states, past })
        states?.take(next)
        return { loss: targets ? task.loss(y, tensors) : undefined, y: outputs ? y : undefined }
      })
      const loss = (await made.loss?.item()) ?? 0
      const y = made.y && (await valuesOf(made.y))
      made.loss?.dispose()
      made.y?.dispose()
      if (!Number.isFinite(loss) || (y && isFault('not finite', y))) {
        const rule = targets ? 'the loss is not finite' : 'what the model says is not finite'
        const again = (): unknown => forwardBatch(model, tensors, { states, past })
        throw await faultError(rule, 'not finite', task.name, again)
      }
      yield { loss, counted, y, item, sizes }
    }
  } finally {
    disposeTensors(tensors)
    past?.dispose()
    states?.dispose()
  }
}

const valuesOf = async (y: Tensor): Promise<Float32Array> => (await y.read()) as Float32Array
