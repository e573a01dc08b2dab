/**
 * The public door of runs: training in a folder that can be resumed. Node only: what needs files is loaded
 * when it is called, so that a page can import the rest of the module.
 */
import type { AnyDevice } from '../devices/device.ts'
import type { PredictedRow } from '../tasks/definition.ts'
import type * as run from './run.ts'
import type { RunSettings } from './settings.ts'
import type { RunResult } from './training.ts'
import type { RunEvaluation } from './use.ts'

export type { ResumeOptions, RunOptions } from './run.ts'
export type { RunSettings } from './settings.ts'
export type { RunEvents, RunResult, RunStart } from './training.ts'
export type { RunEvaluation } from './use.ts'

type StartOptions = Parameters<typeof run.startRun>[1]

/**
 * Starts a run in a new folder: `startRun({ task: 'classify', data: 'table.csv' }, { device })`. Without a
 * `folder` it is runs/<name of the data>-<n>. It holds run.json, config.json, the weights of the best
 * validation (model.safetensors), training checkpoints, metrics.jsonl, loss.svg, and test.json if there is a
 * test part. Node only.
 *
 * @throws ConfigError for settings or data that cannot be, before anything is written; NumericsError if the
 *   loss is not finite
 */
export async function startRun(settings: RunSettings, options: StartOptions): Promise<RunResult> {
  return (await import('./run.ts')).startRun(settings, options)
}

/**
 * Continues a run from its newest checkpoint, on the same device to the same bits as if it had never stopped.
 * Node only.
 *
 * @throws ConfigError if there is no run, or its data have changed; CheckpointError for damaged checkpoints
 */
export async function resumeRun(folder: string, options: run.ResumeOptions): Promise<RunResult> {
  return (await import('./run.ts')).resumeRun(folder, options)
}

/** How a run's best weights do on other data, which are read as its own were. Node only. */
export async function evaluateRun(folder: string, data: string, device: AnyDevice): Promise<RunEvaluation> {
  return (await import('./use.ts')).evaluateRun(folder, data, device)
}

/** What a run's best weights predict for record after record of other data. Node only. */
export async function* predictRun(
  folder: string,
  data: string,
  device: AnyDevice,
): AsyncGenerator<PredictedRow, void, void> {
  yield* (await import('./use.ts')).predictRun(folder, data, device)
}
