import type { Pass } from '../data/batch.ts'
import type { SequenceRecord } from '../data/records.ts'
import type { Model } from '../models/model.ts'
import { eachOf } from '../models/stack-config.ts'
import { predict, type ReadingOptions } from './evaluate.ts'
import type { RecordPassBatch } from './record-batches.ts'
import type { Task } from './task.ts'

/** What a model says of a record. */
export interface RecordPrediction {
  readonly record: SequenceRecord
  /** What the head says: [outputs], or [L, outputs] for its L positions. */
  readonly y: Float32Array
}

/**
 * What a model says of each record of a pass (`recordPass`), in their order; a record in several batches is
 * put together.
 */
export async function* predictRecords(
  model: Model,
  task: Task,
  pass: Pass<RecordPassBatch>,
  records: readonly SequenceRecord[],
  options: ReadingOptions = {},
): AsyncGenerator<RecordPrediction, void, void> {
  const perSequence = eachOf(task.head) === 'sequence'
  let results: Float32Array[] = []
  for await (const { y, item, sizes } of predict(model, task, pass, options)) {
    const { first, lengths, past } = item
    const { outputs, length } = sizes
    const rowSize = perSequence ? outputs : length * outputs
    if (past === 0) results = lengths.map((size) => new Float32Array(perSequence ? outputs : size * outputs))
    for (const [row, result] of results.entries()) {
      const begin = perSequence ? 0 : past * outputs
      const count = Math.max(0, Math.min(rowSize, result.length - begin))
      result.set(y.subarray(row * rowSize, row * rowSize + count), Math.min(begin, result.length))
    }
    if (past + length < Math.max(...lengths)) continue
    for (const [row, result] of results.entries()) yield { record: records[first + row], y: result }
  }
}
