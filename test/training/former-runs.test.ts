/**
 * A run folder of version 0.1.0, stopped at half its steps, goes on as it did then:
 * `test/fixtures/former/text-run`.
 */
import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readSafetensors } from '../../src/checkpoints/safetensors.ts'
import { openDevice } from '../../src/ops/open-device.ts'
import { readMetrics } from '../../src/runs/metrics.ts'
import { resumeRun } from '../../src/runs/run.ts'
import { readRun } from '../../src/runs/run-file.ts'
import { relativeError } from '../suites/compare.ts'

const FOLDER = fileURLToPath(new URL('../fixtures/former/text-run/', import.meta.url))

test('opens, and is finished to the same weights and metrics', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sidewinder-former-'))
  const run = join(folder, 'run')
  await cp(join(FOLDER, 'run'), run, { recursive: true })
  expect(await readRun(run)).toMatchObject({ task: 'text', batching: 'carried', steps: 12 })
  const device = await openDevice('wasm', { threads: 1, simd: 'base' })
  const { model, step, best } = await resumeRun(run, { device, data: join(FOLDER, 'text.txt') })
  const finished = JSON.parse(await readFile(join(FOLDER, 'finished.json'), 'utf8'))
  expect([step, best!.step]).toEqual([12, finished.best.step])
  expect(best!.loss).toBeCloseTo(finished.best.loss, 5)
  const metrics = (await readMetrics(run)).slice(6)
  for (const [i, want] of finished.metrics.entries()) {
    expect(metrics[i].loss).toBeCloseTo(want.loss, 5)
    expect(metrics[i].gradientNorm).toBeCloseTo(want.gradientNorm, 5)
    if (want.validation !== undefined) expect(metrics[i].validation).toBeCloseTo(want.validation, 5)
  }
  const weights = await readSafetensors(await readFile(join(FOLDER, 'finished.safetensors')), 'finished')
  for (const [name, { tensor }] of model.parameters)
    expect(relativeError(await tensor.read(), await weights.get(name)!.read()), name).toBeLessThan(1e-5)
  model.dispose()
  device.destroy()
  await rm(folder, { recursive: true })
})
