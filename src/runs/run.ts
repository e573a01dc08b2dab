/** Trains a model for any task, in a run folder that can be resumed. Node only. */
import { makeFolder, writeAtomically } from '../checkpoints/atomic.ts'
import { removeAbandoned } from '../checkpoints/temporary.ts'
import { check } from '../check.ts'
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import { configText } from '../models/published.ts'
import type { SourceOptions } from '../models/files/open.ts'
import { holdsModel } from '../models/files/replaceable.ts'
import type { Model } from '../models/model.ts'
import { COMMON } from '../tasks/settings.ts'
import type { OpenedTask } from '../tasks/definition.ts'
import { taskDefinition } from '../tasks/index.ts'
import { join, readdir, resolve } from '../platform.ts'
import { nextRunFolder } from './folder.ts'
import { lockFolder } from './lock.ts'
import { configOf, createRunModel } from './model.ts'
import { holdsRun, readRun, writeRun, type StoredRun } from './run-file.ts'
import { stepsDone } from './checkpoint.ts'
import { modelFrom, openOrigin, type Origin } from './from.ts'
import { completeSettings, type CompleteSettings, type RunSettings } from './settings.ts'
import { readSource } from './sources.ts'
import { Training, type RunEvents, type RunResult } from './training.ts'

/** How a run is done. */
export interface RunOptions {
  readonly device: AnyDevice
  readonly events?: RunEvents
  /** Aborted: the step under way is finished and saved. */
  readonly signal?: AbortSignal
}

/**
 * Starts a run in a new folder; without a name it is runs/<name of the data>-<n>. It holds run.json,
 * config.json, the weights of the best validation (model.safetensors), training checkpoints, metrics.jsonl,
 * loss.svg, and test.json if there is a test part.
 *
 * @throws ConfigError for settings or data that cannot be, before anything is written; NumericsError if the
 *   loss becomes infinite
 */
export async function startRun(
  given: RunSettings,
  { folder: name, source, ...options }: StartOptions,
): Promise<RunResult> {
  const settings = completeSettings(given)
  const origin = settings.from === undefined ? undefined : await openOrigin(settings.from, source)
  const { opened, hashes } = await openData(settings, origin)
  const { input, task, encoding } = opened
  const { seed } = settings
  const model = origin
    ? await modelFrom(origin, options.device, { input, head: task.head, seed })
    : createRunModel(configOf(settings, input, task.head), options.device, seed)
  const run: StoredRun = {
    ...settings,
    data: resolve(settings.data),
    ...(settings.test !== undefined && { test: resolve(settings.test) }),
    ...(encoding !== undefined && { encoding }),
    ...hashes,
    device: options.device.name,
  }
  return keeping(model, async () => {
    const folder = name ?? (await nextRunFolder(settings.data))
    await makeFolder(folder)
    return locked(folder, async () => {
      await expectNoRun(folder)
      if (!origin) {
        await writeAtomically(join(folder, 'config.json'), configText(model.config))
        await writeRun(folder, run)
        return train(folder, run, opened, model, options)
      }
      // The model lies in the folder from the beginning, with its tokenizer, and is trained as it is read
      // there.
      await model.save(folder)
      await writeRun(folder, run)
      model.dispose()
      const read = await modelFrom(await openOrigin(folder), options.device, { input, head: task.head, seed })
      return keeping(read, () => train(folder, run, opened, read, options))
    })
  })
}

/** How a run begins. */
export interface StartOptions extends RunOptions {
  /** Default: runs/<name of the data>-<n>. */
  readonly folder?: string | undefined
  /** How the model of `from` is found: its file, and how a hub is asked. */
  readonly source?: SourceOptions
}

/** How a run goes on. */
export interface ResumeOptions extends RunOptions {
  /**
   * Updates in all, from now on: the schedule is stretched over them. Default: as the run was begun, to the
   * same bits as if it had never stopped.
   */
  readonly steps?: number | undefined
  /** Where the data are now, if they were moved. */
  readonly data?: string | undefined
  /** Where the test data are now. */
  readonly test?: string | undefined
}

/**
 * Continues a run from its newest checkpoint, to the same weights as if it had never stopped.
 *
 * @throws ConfigError if there is no run, or its data have changed; CheckpointError for damaged checkpoints
 */
export async function resumeRun(
  folder: string,
  { data, test, steps, ...options }: ResumeOptions,
): Promise<RunResult> {
  const begun = await readRun(folder)
  if (steps !== undefined) check(steps, COMMON.steps.schema, 'steps')
  const run = steps === undefined ? begun : { ...begun, steps }
  const origin = await originOf(folder, run)
  const { opened, hashes } = await openData(
    { ...run, data: data ?? run.data, ...(test !== undefined && { test }) },
    origin,
    run.encoding,
  )
  expectSame(data ?? run.data, run.dataHash, hashes.dataHash)
  expectSame(test ?? run.test, run.testHash, hashes.testHash)
  return locked(folder, async () => {
    const done = await stepsDone(folder)
    if (run.steps < done) {
      throw new ConfigError('more steps than that were done already', {
        where: folder,
        expected: `steps of ${done} or more`,
        found: run.steps,
      })
    }
    const { input, task } = opened
    const { device } = options
    const model =
      origin && done === 0
        ? await modelFrom(origin, device, { input, head: task.head, seed: run.seed })
        : createRunModel(origin?.checkpoint.config ?? configOf(run, input, task.head), device, run.seed)
    return keeping(model, async () => {
      if (steps !== undefined && steps !== begun.steps) await writeRun(folder, run)
      return train(folder, run, opened, model, options)
    })
  })
}

/** The model that a run was begun from, as its folder holds it. */
export const originOf = async (folder: string, { from }: StoredRun): Promise<Origin | undefined> =>
  from === undefined ? undefined : openOrigin(folder)

interface OpenedData {
  readonly opened: OpenedTask
  readonly hashes: Pick<StoredRun, 'dataHash' | 'testHash'>
}

/** Throws if the data are too few, before anything is written. */
async function openData(
  settings: CompleteSettings,
  origin: Origin | undefined,
  encoding?: unknown,
): Promise<OpenedData> {
  const definition = taskDefinition(settings.task)
  const read = (path: string) => readSource(definition.reads, path, origin)
  const data = await read(settings.data)
  const test = settings.test === undefined ? undefined : await read(settings.test)
  return {
    opened: definition.open({ data, test }, settings, encoding),
    hashes: { dataHash: data.hash, ...(test && { testHash: test.hash }) },
  }
}

async function train(
  folder: string,
  run: StoredRun,
  opened: OpenedTask,
  model: Model,
  { events = {}, signal }: RunOptions,
): Promise<RunResult> {
  const training = new Training(folder, run, opened, model)
  try {
    return await training.train(events, signal)
  } finally {
    await training.close()
  }
}

/** Gives the model back if the body fails. */
async function keeping<T>(model: Model, body: () => Promise<T>): Promise<T> {
  try {
    return await body()
  } catch (error) {
    model.dispose()
    throw error
  }
}

function expectSame(
  where: string | undefined,
  expected: string | undefined,
  found: string | undefined,
): void {
  if (expected === found) return
  throw new ConfigError('the data has changed since the run began', {
    ...(where !== undefined && { where }),
    expected: expected === undefined ? 'no test data' : `SHA-256 ${expected}`,
    found,
  })
}

async function locked<T>(folder: string, body: () => Promise<T>): Promise<T> {
  const unlock = await lockFolder(folder)
  try {
    await removeAbandoned(folder)
    return await body()
  } finally {
    unlock()
  }
}

async function expectNoRun(folder: string): Promise<void> {
  if (await holdsRun(folder)) {
    throw new ConfigError('the folder holds a run already', {
      where: folder,
      hint: `Continue it with --resume ${folder}, or choose another folder with --out`,
    })
  }
  // A start that was killed leaves a configuration.
  const left = (await holdsModel(folder)) ? 'config.json' : ''
  const strange = (await readdir(folder)).find((name) => name !== left && !name.startsWith('.'))
  if (strange !== undefined) {
    throw new ConfigError('the folder holds other files', {
      where: folder,
      found: strange,
      hint: 'Choose a new or empty folder with --out',
    })
  }
}
