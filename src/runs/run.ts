/** Trains a model for any task, in a run folder that can be resumed. Node only. */
import { makeFolder, writeAtomically } from '../checkpoints/atomic.ts'
import { removeAbandoned } from '../checkpoints/temporary.ts'
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import { configText } from '../models/published.ts'
import type { OpenedTask } from '../tasks/definition.ts'
import { taskDefinition } from '../tasks/index.ts'
import { join, readdir, resolve } from '../platform.ts'
import { nextRunFolder } from './folder.ts'
import { lockFolder } from './lock.ts'
import { configOf } from './model.ts'
import { holdsRun, readRun, writeRun, type StoredRun } from './run-file.ts'
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
  { folder: name, ...options }: RunOptions & { readonly folder?: string | undefined },
): Promise<RunResult> {
  const settings = completeSettings(given)
  const { opened, hashes } = await openData(settings)
  const config = configOf(settings, opened.input, opened.task.head)
  const folder = name ?? (await nextRunFolder(settings.data))
  await makeFolder(folder)
  return locked(folder, async () => {
    await expectNoRun(folder)
    await writeAtomically(join(folder, 'config.json'), configText(config))
    const run: StoredRun = {
      ...settings,
      data: resolve(settings.data),
      ...(settings.test !== undefined && { test: resolve(settings.test) }),
      ...(opened.encoding !== undefined && { encoding: opened.encoding }),
      ...hashes,
      device: options.device.name,
    }
    await writeRun(folder, run)
    return train(folder, run, opened, options)
  })
}

/** How a run goes on. */
export interface ResumeOptions extends RunOptions {
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
  { data, test, ...options }: ResumeOptions,
): Promise<RunResult> {
  const run = await readRun(folder)
  const { opened, hashes } = await openData(
    { ...run, data: data ?? run.data, ...(test !== undefined && { test }) },
    run.encoding,
  )
  expectSame(data ?? run.data, run.dataHash, hashes.dataHash)
  expectSame(test ?? run.test, run.testHash, hashes.testHash)
  return locked(folder, () => train(folder, run, opened, options))
}

interface OpenedData {
  readonly opened: OpenedTask
  readonly hashes: Pick<StoredRun, 'dataHash' | 'testHash'>
}

/** Throws if the data are too few, before anything is written. */
async function openData(settings: CompleteSettings, encoding?: unknown): Promise<OpenedData> {
  const definition = taskDefinition(settings.task)
  const data = await readSource(definition.reads, settings.data)
  const test = settings.test === undefined ? undefined : await readSource(definition.reads, settings.test)
  return {
    opened: definition.open({ data, test }, settings, encoding),
    hashes: { dataHash: data.hash, ...(test && { testHash: test.hash }) },
  }
}

async function train(
  folder: string,
  run: StoredRun,
  opened: OpenedTask,
  { device, events = {}, signal }: RunOptions,
): Promise<RunResult> {
  const training = new Training(folder, run, opened, device)
  try {
    return await training.train(events, signal)
  } catch (error) {
    training.model.dispose()
    throw error
  } finally {
    await training.close()
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
  const strange = (await readdir(folder)).find((name) => name !== 'config.json' && !name.startsWith('.'))
  if (strange !== undefined) {
    throw new ConfigError('the folder holds other files', {
      where: folder,
      found: strange,
      hint: 'Choose a new or empty folder with --out',
    })
  }
}
