/** Runs that are stopped and go on, against runs that are left alone. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { AnyDevice } from '../../src/devices/device.ts'
import { readMetrics } from '../../src/runs/metrics.ts'
import { resumeRun, startRun } from '../../src/runs/run.ts'
import type { RunSettings } from '../../src/runs/settings.ts'
import type { RunResult } from '../../src/runs/training.ts'

/** Stops after these steps. */
export function stoppingAt(step: number): {
  signal: AbortSignal
  events: { onStep(info: { step: number }): void }
} {
  const controller = new AbortController()
  return { signal: controller.signal, events: { onStep: (info) => info.step === step && controller.abort() } }
}

export async function whatIsLeft(run: string): Promise<Record<string, unknown>> {
  const last = (await readdir(join(run, 'checkpoints'))).toSorted().at(-1)!
  const at = (file: string): Promise<Buffer> => readFile(join(run, 'checkpoints', last, file))
  // Seconds differ, and with them the checksum of this file.
  const { seconds: _, crc32, ...state } = JSON.parse((await at('trainer.json')).toString())
  delete crc32['trainer.json']
  return {
    last,
    state: { ...state, crc32 },
    weights: await at('model.safetensors'),
    moments: await at('optimizer.safetensors'),
    model: await readFile(join(run, 'model.safetensors')),
    metrics: await readMetrics(run),
    curve: await readFile(join(run, 'loss.svg'), 'utf8'),
  }
}

type Finished = Omit<RunResult, 'model' | 'folder'>

/** What a run ends with. Its model is disposed. */
export async function finish(promise: Promise<RunResult>): Promise<Finished> {
  const { model, folder: _, ...rest } = await promise
  model.dispose()
  return rest
}

/** A run that is left alone, and one that is stopped after each of these steps, end with the same bits. */
export async function expectSameBits(
  device: AnyDevice,
  run: RunSettings,
  stops: readonly number[],
  newFolder: () => string,
): Promise<Finished> {
  const [whole, pieces] = [newFolder(), newFolder()]
  const want = await finish(startRun(run, { device, folder: whole }))
  expect(want).toMatchObject({ stopped: 'finished', step: run.steps! })
  for (const [i, step] of stops.entries()) {
    const options = { device, ...stoppingAt(step) }
    const going = i === 0 ? startRun(run, { ...options, folder: pieces }) : resumeRun(pieces, options)
    expect(await finish(going)).toMatchObject({ stopped: 'interrupted', step })
  }
  expect(await finish(resumeRun(pieces, { device }))).toEqual(want)
  expect(await whatIsLeft(pieces)).toEqual(await whatIsLeft(whole))
  return want
}
