/**
 * A task as run folders and the command line know it: its settings, and how files become batches. Nothing
 * here reads a file: a definition is given what was read.
 */
import type { Batches, Pass } from '../data/batch.ts'
import type { Table } from '../data/table.ts'
import type { TextCorpus } from '../data/text.ts'
import type { InputConfig } from '../models/stack-config.ts'
import type { Model } from '../models/model.ts'
import type { ReadingOptions } from './evaluate.ts'
import type { CommonSettings, Settings, ValuesOf } from './settings.ts'
import type { Task } from './task.ts'

/** What data are read as. */
export interface Sources {
  readonly text: TextCorpus
  readonly table: Table
}

/** The data of a run: for training, and, if they are in a file of their own, to be tested on. */
export interface RunData<Source> {
  readonly data: Source
  readonly test?: Source | undefined
}

/** How many records, or bytes, a part of the data has. */
export interface PartSizes {
  readonly training: number
  readonly validation: number
  readonly test: number
  readonly unit: 'bytes' | 'tokens' | 'sequences'
}

/** Data that were taken apart, ready to train on. */
export interface OpenedTask {
  readonly task: Task
  /** What the model takes. */
  readonly input: InputConfig
  /**
   * How values of the data became numbers, as JSON: run.json keeps it, so that other data are read in the
   * same way.
   */
  readonly encoding: unknown
  readonly training: Batches
  /** Held out. Undefined: nothing is. */
  readonly validation: Pass | undefined
  readonly test: Pass | undefined
  readonly sizes: PartSizes
}

/** Data to evaluate on, or to predict. */
export interface ReadData {
  readonly task: Task
  readonly input: InputConfig
  readonly pass: Pass
  /**
   * Record after record: its `id`, and what a model predicts for it. Absent: the task has no predictions to
   * be listed.
   */
  readonly predictions?: (model: Model, options?: ReadingOptions) => AsyncIterable<PredictedRow>
}

/** A cell of a file of predictions. */
export type PredictedValue = string | number | readonly (string | number | readonly number[])[]
/** One row of a file of predictions, by column. */
export type PredictedRow = Readonly<Record<string, PredictedValue>>

/** A task that can be trained from files. */
export interface TaskDefinition<Reads extends keyof Sources = keyof Sources, S extends Settings = Settings> {
  /** One word: the command, and `task` in run.json. */
  readonly name: string
  /** For `--help`: what is trained, and on what. */
  readonly summary: string
  readonly reads: Reads
  /** What `--data` takes. */
  readonly takes: string
  /** Its own settings, beside those that all runs have, or in place of one of those. */
  readonly settings: S
  /**
   * Takes data apart. Without `encoding`, it is learned from the training part alone.
   *
   * @throws ConfigError or ShapeError naming the file and the line
   */
  open(
    sources: RunData<Sources[Reads]>,
    settings: CommonSettings & ValuesOf<S>,
    encoding: unknown,
  ): OpenedTask
  /** Reads other data as those of the run were read; `targets`: whether they must say what is right. */
  read(
    source: Sources[Reads],
    settings: CommonSettings & ValuesOf<S>,
    encoding: unknown,
    targets: boolean,
  ): ReadData
}

/** Names a definition's types, which what it holds then agrees with. */
export const defineTask = <Reads extends keyof Sources, const S extends Settings>(
  definition: TaskDefinition<Reads, S>,
): TaskDefinition<Reads, S> => definition
