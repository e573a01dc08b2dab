/** A finished run, used: evaluated on other data, or asked for predictions. Node only. */
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import type { PredictedRow, ReadData } from '../tasks/definition.ts'
import { evaluate, type Evaluation, type ReadingOptions } from '../tasks/evaluate.ts'
import { taskDefinition } from '../tasks/index.ts'
import type { Model } from '../models/model.ts'
import type { Task } from '../tasks/task.ts'
import { loadWeights } from './checkpoint.ts'
import { configOf, createRunModel } from './model.ts'
import type { Origin } from './from.ts'
import { originOf } from './run.ts'
import { readRun, type StoredRun } from './run-file.ts'
import { readSource } from './sources.ts'

export interface RunEvaluation extends Evaluation {
  readonly run: StoredRun
  readonly task: Task
}

/**
 * How a run's best weights do on the data at `path`, read as its own data were.
 *
 * @throws ConfigError if there is no run, or the data do not fit
 */
export async function evaluateRun(
  folder: string,
  path: string,
  device: AnyDevice,
  { signal }: ReadingOptions = {},
): Promise<RunEvaluation> {
  const opened = await open(folder, path, true)
  const { run, data } = opened
  const model = await modelOf(folder, opened, device)
  try {
    return { run, task: data.task, ...(await evaluate(model, data.task, data.pass, { signal })) }
  } finally {
    model.dispose()
  }
}

/** What a run's best weights predict for each record of the data at `path`, in their order. */
export async function* predictRun(
  folder: string,
  path: string,
  device: AnyDevice,
  options: ReadingOptions = {},
): AsyncGenerator<PredictedRow, void, void> {
  const opened = await open(folder, path, false)
  const { run, data } = opened
  const { predictions } = data
  if (!predictions) {
    throw new ConfigError('the task of this run has no predictions to be listed', {
      where: folder,
      found: run.task,
      hint: 'A model of text writes: npx sidewinder generate',
    })
  }
  const model = await modelOf(folder, opened, device)
  try {
    yield* predictions(model, options)
  } finally {
    model.dispose()
  }
}

interface OpenedRun {
  readonly run: StoredRun
  readonly origin: Origin | undefined
  readonly data: ReadData
}

async function open(folder: string, path: string, targets: boolean): Promise<OpenedRun> {
  const run = await readRun(folder)
  const definition = taskDefinition(run.task)
  const origin = await originOf(folder, run)
  const source = await readSource(definition.reads, path, origin)
  return { run, origin, data: definition.read(source, run, run.encoding, targets) }
}

async function modelOf(folder: string, { run, origin, data }: OpenedRun, device: AnyDevice): Promise<Model> {
  const config = origin?.checkpoint.config ?? configOf(run, data.input, data.task.head)
  const model = createRunModel(config, device, run.seed)
  try {
    await loadWeights(folder, model)
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}
