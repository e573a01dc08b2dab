/**
 * How records become batches of one size. Rows are padded on the right: what reads a sequence from left to
 * right sees nothing of it, what takes the mean over a sequence is given a mask, and targets there do not
 * count.
 */
import * as v from 'valibot'
import { countFrom, needed, optionsOf, seed as anySeed } from '../check.ts'
import type { Batch, Batches, BatchForm, Pass, PassBatch } from '../data/batch.ts'
import { lengthOf, nameOf, type RecordPart, type SequenceRecord } from '../data/records.ts'
import { ConfigError, ShapeError, StateError } from '../errors.ts'
import { eachOf, type InputConfig } from '../models/stack-config.ts'
import { Random } from '../tensor/random.ts'
import { emptyBatch, fieldsOf, sizesOf, type Sizes, type Task } from './task.ts'

/** How rows of batches are made of records. */
export interface RecordOptions {
  /** What the model takes: `model.config.input`. */
  readonly input: InputConfig
  /** Rows of a batch. */
  readonly batch: number
  /**
   * Most positions of a row; a row is never longer than the longest record. Where each position has a result
   * of its own, longer records are taken in parts; elsewhere they are an error.
   */
  readonly length?: number | undefined
}

export interface RecordBatchOptions extends RecordOptions {
  /** Of the order. Default: 0. */
  readonly seed?: number
}

const RECORDS = {
  input: needed(
    v.union(
      [v.strictObject({ vocabulary: countFrom(1) }), v.strictObject({ features: countFrom(1) })],
      '{ vocabulary } or { features }',
    ),
  ),
  batch: needed(countFrom(1)),
  length: countFrom(1),
}
const readPassOptions = optionsOf<RecordOptions>(RECORDS)
const readBatchOptions = optionsOf<RecordBatchOptions>({ ...RECORDS, seed: anySeed })

/**
 * Records in random order, each once before any comes again. Where each position has a result of its own,
 * records longer than a row are cut into parts that begin anew, each an item of the order.
 *
 * @throws ConfigError without records, ShapeError for one that is empty or too long
 */
export function recordBatches(
  records: readonly SequenceRecord[],
  task: Task,
  given: RecordBatchOptions,
): Batches {
  const { seed = 0, ...options } = readBatchOptions(given, 'recordBatches')
  const { form, lengths } = measure(records, task, options)
  const { batch, length } = form
  const sizes = sizesOf({ input: options.input, head: task.head }, form)
  const items = records.flatMap((record, i) => partsOf(record, lengths[i], length))
  const random = new Random(seed)
  // Where the order of this round began, and how much of it has been given out.
  let began = random.state
  let order = shuffled(items.length, random)
  let position = 0
  const nextItem = (): RecordPart => {
    if (position === order.length) {
      began = random.state
      order = shuffled(items.length, random)
      position = 0
    }
    return items[order[position++]]
  }
  return {
    ...form,
    next() {
      const made = emptyBatch(fieldsOf(task, sizes))
      for (let row = 0; row < batch; row++) writeRow(made, row, nextItem(), task, sizes)
      return made
    },
    save: () => ({ random: began, cursors: [position] }),
    restore(state) {
      const at = state.cursors?.[0] ?? 0
      if (!state.random || at > items.length) {
        throw new StateError('the position in the data does not fit the records', {
          where: 'cursors',
          expected: `up to ${items.length}`,
          found: at,
        })
      }
      random.state = began = state.random
      order = shuffled(items.length, random)
      position = at
    },
  }
}

/** A batch of a pass over records. */
export interface RecordPassBatch extends PassBatch {
  /** Index of the record in the first row; the next rows have the next records, if there are any. */
  readonly first: number
  /** Positions of the record in each row; what lies before `past` was in the batches before this one. */
  readonly lengths: readonly number[]
}

/**
 * All records in their order, each once. A record longer than a row goes on in the next batch, with the state
 * carried along: its predictions are those of the whole. Rows without a record, at the end, do not count.
 *
 * @throws as `recordBatches`
 */
export function recordPass(
  records: readonly SequenceRecord[],
  task: Task,
  given: RecordOptions,
): Pass<RecordPassBatch> {
  const options = readPassOptions(given, 'recordPass')
  const measured = measure(records, task, options)
  const { lengths, longest } = measured
  const { batch, length } = measured.form
  const windows = Math.ceil(longest / length)
  const form = {
    ...measured.form,
    // Rows without a record are padding as well.
    padded: measured.form.padded || (measured.whole && records.length % batch !== 0),
    carried: windows > 1,
  }
  const sizes = sizesOf({ input: options.input, head: task.head }, form)
  return {
    ...form,
    capacity: windows > 1 ? windows * length : 0,
    *[Symbol.iterator]() {
      for (let first = 0; first < records.length; first += batch) {
        const group = lengths.slice(first, first + batch)
        for (let past = 0; past < Math.max(...group); past += length) {
          const made = emptyBatch(fieldsOf(task, sizes))
          for (let row = 0; row < batch; row++) {
            const to = Math.min(past + length, group[row] ?? 0)
            const part = past < to ? { record: records[first + row], from: past, to } : undefined
            writeRow(made, row, part, task, sizes)
          }
          yield { batch: made, past, first, lengths: group }
        }
      }
    },
  }
}

function writeRow(batch: Batch, row: number, part: RecordPart | undefined, task: Task, sizes: Sizes): void {
  task.inputs.write(batch, row, part, sizes)
  task.targets.write(batch, row, part, sizes)
}

interface Measured {
  readonly form: Required<BatchForm>
  /** Positions of each record. */
  readonly lengths: readonly number[]
  readonly longest: number
  /** Whether there is one result for a whole sequence. */
  readonly whole: boolean
}

function measure(
  records: readonly SequenceRecord[],
  task: Task,
  { input, batch, length: wanted }: RecordOptions,
): Measured {
  if (records.length === 0) throw new ConfigError('there are no records', { where: task.name })
  const width = 'vocabulary' in input ? 1 : input.features
  const lengths = records.map((record) => lengthOf(record, width))
  const longest = lengths.reduce((most, length) => Math.max(most, length))
  const length = Math.min(wanted ?? longest, longest)
  const whole = eachOf(task.head) === 'sequence'
  if (whole && longest > length) {
    const i = lengths.findIndex((each) => each > length)
    throw new ShapeError('the sequence is longer than a row', {
      where: nameOf(records[i]),
      expected: `up to ${length} positions`,
      found: lengths[i],
      hint: 'Give a larger length: one result for a sequence needs all of it in one row',
    })
  }
  // Only a mean over a sequence needs to be told where it ends.
  const padded = whole && lengths.some((each) => each < length)
  return { form: { batch, length, carried: false, masked: false, padded }, lengths, longest, whole }
}

function partsOf(record: SequenceRecord, size: number, length: number): RecordPart[] {
  const parts: RecordPart[] = []
  for (let from = 0; from < size; from += length)
    parts.push({ record, from, to: Math.min(from + length, size) })
  return parts
}

/** Fisher and Yates: the numbers below `count` in random order. */
function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = random.integer(i + 1)
    ;[order[i], order[j]] = [order[j], order[i]]
  }
  return order
}
