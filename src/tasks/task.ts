/**
 * A task as a value: what goes into a model, what is to come out, how far it is off, and how that is told to
 * people. `Trainer`, `evaluate`, run folders and the command line take any.
 */
import { objectWith } from '../check.ts'
import type { Batch, BatchForm } from '../data/batch.ts'
import type { RecordPart } from '../data/records.ts'
import type { DType } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import type { ModelConfig } from '../models/config.ts'
import { eachOf, outputsOf, type HeadConfig, type InputConfig } from '../models/stack-config.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'

/** One array of a batch. */
export interface Field {
  readonly dtype: DType
  readonly shape: Shape
}

/** The arrays of a batch, by name. */
export type Fields = Readonly<Record<string, Field>>
/** The arrays of a batch on a device. */
export type Tensors = Readonly<Record<string, Tensor>>

/** What the arrays of a batch are sized by: the form of the source, and the two ends of the model. */
export interface Sizes extends BatchForm {
  readonly input: InputConfig
  /** Numbers that the head gives for a sequence or a position: vocabulary, classes or outputs. */
  readonly outputs: number
}

/** Some arrays of a batch: which they are, how a record fills them, and what may stand in them. */
export interface Part {
  /** The arrays of a batch of these sizes. */
  fields(sizes: Sizes): Fields
  /**
   * Writes positions [from, to) of a record into row `row`, and what does not count into the rest of the row.
   * Without a record: the whole row does not count.
   */
  write(batch: Batch, row: number, part: RecordPart | undefined, sizes: Sizes): void
}

export interface InputPart extends Part {
  /** @throws ShapeError for what the model cannot read, naming its place */
  check(batch: Batch, sizes: Sizes): void
}

export interface TargetPart extends Part {
  /**
   * How much there is in a batch that the loss is a mean over: labels, or the sum of weights.
   *
   * @throws ShapeError for a target that cannot be, naming its place
   */
  count(batch: Batch, sizes: Sizes): number
}

/** What is measured besides the loss. */
export interface MetricInfo {
  /** For people: `accuracy`. */
  readonly title: string
  /** Whether more is better. */
  readonly higher: boolean
  /** A share of 1, shown in percent. Default: a plain number. */
  readonly share?: boolean
}

/** The values of a task's metrics, and of others that go with them (such as simple baselines). */
export type Metrics = Readonly<Record<string, number>>

/** What was measured. */
export interface Summary {
  readonly metrics: Metrics
  /** Of tasks with classes: how often each class (row) was taken for each (column). */
  readonly confusion?: readonly (readonly number[])[]
  /** What the classes are called, if they have names. */
  readonly classes?: readonly string[]
}

/** Collects what a model said of one batch after the other. */
export interface Meter {
  /** Whether `add` wants what the head says; if not, it is not read back from the device. */
  readonly reads: boolean
  /** `y`: what the head says, row-major. */
  add(y: Float32Array, batch: Batch, sizes: Sizes): void
  /** `loss`: the mean over all batches. */
  summary(loss: number): Summary
}

/** How a loss is told: `loss × scale` has this name. */
export interface LossUnit {
  /** `bits per byte` */
  readonly title: string
  /** `bits/byte` */
  readonly short: string
  readonly scale: number
}

/** A task as a value. */
export interface Task {
  /** One word: `classify`. */
  readonly name: string
  /** The head of a model for it. */
  readonly head: HeadConfig
  /** What the model reads. `sequenceInputs` is for token ids and features alike. */
  readonly inputs: InputPart
  /** What it is to say. */
  readonly targets: TargetPart
  /**
   * How far `y`, which the head says, is from the targets: the mean [1] over all that counts, differentiable.
   * 0 if nothing counts.
   */
  loss(y: Tensor, targets: Tensors): Tensor
  readonly unit: LossUnit
  /** What an evaluation says besides the loss, by the name it has in `Metrics`. */
  readonly metrics: Readonly<Record<string, MetricInfo>>
  /** A new meter, which has seen nothing yet. */
  meter(): Meter
  /** The metric that says which of two models is better. Default: the loss, of which less is better. */
  readonly objective?: string
}

/** What takes a task as an argument checks it with this. */
export const TASK = objectWith<Task>('a task', 'loss', 'meter')

type Ends = Pick<ModelConfig, 'input' | 'head'>

/** Sizes of the batches of one form, for a model with these ends. */
export function sizesOf(ends: Ends, form: BatchForm): Sizes {
  const { batch, length, carried, masked, padded = false } = form
  return { batch, length, carried, masked, padded, input: ends.input, outputs: outputsOf(ends) }
}

/** All arrays of a batch of a task. */
export const fieldsOf = (task: Task, sizes: Sizes): Fields => ({
  ...task.inputs.fields(sizes),
  ...task.targets.fields(sizes),
})

/** A batch in which nothing is written yet. */
export function emptyBatch(fields: Fields): Record<string, Float32Array | Int32Array> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { dtype, shape }]) => [
      name,
      dtype === 'i32' ? new Int32Array(sizeOf(shape)) : new Float32Array(sizeOf(shape)),
    ]),
  )
}

/**
 * Looks through a batch before it goes to a device, where indices out of range would be taken for others in
 * silence. Returns how much in it counts.
 *
 * @throws ShapeError naming the array and the place in it
 */
export function checkBatch(task: Task, batch: Batch, sizes: Sizes): number {
  task.inputs.check(batch, sizes)
  return task.targets.count(batch, sizes)
}

/** @throws ConfigError if the model has another head than the task needs */
export function expectHead(task: Task, { head }: Ends): void {
  const wanted = task.head
  const same =
    wanted.kind === head.kind &&
    eachOf(wanted) === eachOf(head) &&
    ('classes' in wanted ? wanted.classes === (head as typeof wanted).classes : true) &&
    ('outputs' in wanted ? wanted.outputs === (head as typeof wanted).outputs : true)
  if (same) return
  throw new ConfigError('the model has another head than the task needs', {
    where: task.name,
    expected: describeHead(wanted),
    found: describeHead(head),
  })
}

function describeHead(head: HeadConfig): string {
  switch (head.kind) {
    case 'language':
      return 'a language model'
    case 'classifier':
      return `a classifier of ${head.classes} classes for each ${eachOf(head)}`
    case 'regression':
      return `a regression of ${head.outputs} numbers for each ${head.each}`
    default:
      return head satisfies never
  }
}
