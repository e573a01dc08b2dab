/** Tasks on tables: each row has a sequence, and in other columns what is known of it. */
import * as v from 'valibot'
import type { Pass } from '../../data/batch.ts'
import type { SequenceRecord } from '../../data/records.ts'
import { check, whole } from '../../check.ts'
import { eachOf } from '../../models/stack-config.ts'
import { defineTask, type PredictedRow, type TaskDefinition } from '../definition.ts'
import { predictRecords } from '../predict.ts'
import { recordBatches, recordPass } from '../record-batches.ts'
import { setting, type CommonSettings, type Settings, type ValuesOf } from '../settings.ts'
import type { Task } from '../task.ts'
import type { Cells } from './cells.ts'
import { encodeInput, inputConfig, INPUT_ENCODING, learnInput } from './inputs.ts'
import { partsOf, rowsOf } from './parts.ts'

/** The settings that all tasks on tables have. */
const TABLE_SETTINGS = {
  sequence: setting.text('Data', 'column with the sequence', '<column>', 'sequence'),
  numbers: setting.flag(
    'Data',
    'the sequence is numbers: positions apart by spaces, channels by commas (default: text, as bytes)',
  ),
  id: setting.text('Data', 'column that names a row in predictions (default: its line)', '<column>'),
  splitColumn: setting.text('Data', 'column that says train, valid or test', '<column>'),
  length: setting.number(
    'Data',
    'most positions of a row of a batch (default: the longest sequence; 1024 for labels of positions)',
    whole(1, 1_048_576),
  ),
  batch: setting.number('Data', 'rows of a batch', whole(1, 65_536), 32),
} as const satisfies Settings

/** Sequences longer than this are trained on in parts, if each position has a result of its own. */
const MOST_POSITIONS = 1024

type TableSettings = CommonSettings & ValuesOf<typeof TABLE_SETTINGS>

/** What a task on tables adds to the sequences. */
export interface TableTask<S extends Settings, Learned> {
  readonly name: string
  readonly summary: string
  readonly settings: S
  /** What is learned, as JSON. */
  readonly learned: v.GenericSchema<Learned, Learned>
  /** What values of the training rows mean as numbers: the classes there are, the size of numbers. */
  learn(rows: readonly Cells[], settings: TableSettings & ValuesOf<S>): Learned
  /** The task, from what was learned of the data. */
  task(learned: Learned, settings: ValuesOf<S>): Task
  /** The targets of a row, whose sequence has `length` positions. */
  targets(cells: Cells, learned: Learned, length: number, settings: ValuesOf<S>): SequenceRecord
  /** What is predicted by `y`, all that the head says of one record, as named columns. */
  predicted(y: Float32Array, learned: Learned, settings: ValuesOf<S>): PredictedRow
}

/** Makes a definition of what a task on tables says of itself. */
export function tableTask<const S extends Settings, Learned>(
  own: TableTask<S, Learned>,
): TaskDefinition<'table', typeof TABLE_SETTINGS & S> {
  type All = TableSettings & ValuesOf<S>
  const encodingSchema = v.strictObject({ input: INPUT_ENCODING, targets: own.learned })
  type Encoding = v.InferOutput<typeof encodingSchema>

  const recordOf = (
    cells: Cells,
    { input, targets }: Encoding,
    settings: All,
    wanted: boolean,
  ): SequenceRecord => {
    const { record, length } = encodeInput(cells, settings.sequence, input)
    const id = settings.id === undefined ? `${cells.row.line}` : cells.text(settings.id)
    return { ...record, id, ...(wanted && own.targets(cells, targets, length, settings)) }
  }
  // The result of a position needs no row that holds all of its sequence; that of a sequence does.
  const lengthFor = (task: Task, { length }: All): number | undefined =>
    eachOf(task.head) === 'position' ? (length ?? MOST_POSITIONS) : length
  const passOf = (records: readonly SequenceRecord[], task: Task, encoding: Encoding, settings: All) => {
    const input = inputConfig(encoding.input)
    return recordPass(records, task, { input, batch: settings.batch, length: lengthFor(task, settings) })
  }

  return defineTask({
    name: own.name,
    summary: own.summary,
    reads: 'table',
    takes: 'a .csv, .tsv or .jsonl file, a sequence in each row',
    settings: { ...TABLE_SETTINGS, ...own.settings },

    open({ data, test }, given, known) {
      const settings = given as All
      const parts = partsOf(data, test, settings)
      const encoding =
        known === undefined
          ? learn(parts.training, settings)
          : check(known, encodingSchema, 'run.json: encoding')
      const task = own.task(encoding.targets, settings)
      const input = inputConfig(encoding.input)
      const records = (rows: readonly Cells[]): SequenceRecord[] =>
        rows.map((cells) => recordOf(cells, encoding, settings, true))
      const pass = (rows: readonly Cells[]): Pass | undefined =>
        rows.length === 0 ? undefined : passOf(records(rows), task, encoding, settings)
      const { batch, seed } = settings
      const length = lengthFor(task, settings)
      return {
        task,
        input,
        encoding,
        training: recordBatches(records(parts.training), task, { input, batch, length, seed }),
        validation: pass(parts.validation),
        test: pass(parts.test),
        sizes: {
          training: parts.training.length,
          validation: parts.validation.length,
          test: parts.test.length,
          unit: 'sequences',
        },
      }
    },

    read(table, given, known, targets) {
      const settings = given as All
      const encoding = check(known, encodingSchema, 'run.json: encoding')
      const task = own.task(encoding.targets, settings)
      const records = rowsOf(table).map((cells) => recordOf(cells, encoding, settings, targets))
      const pass = passOf(records, task, encoding, settings)
      return {
        task,
        input: inputConfig(encoding.input),
        pass,
        async *predictions(model, options) {
          for await (const { record, y } of predictRecords(model, task, pass, records, options))
            yield { id: record.id!, ...own.predicted(y, encoding.targets, settings) }
        },
      }
    },
  })

  function learn(rows: readonly Cells[], settings: All): Encoding {
    return {
      input: learnInput(rows, settings.sequence, settings.numbers),
      targets: own.learn(rows, settings),
    }
  }
}
