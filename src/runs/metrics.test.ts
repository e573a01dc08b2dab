import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { language } from '../tasks/language.ts'
import { lossCurve } from './curve.ts'
import { MetricsLog, readMetrics } from './metrics.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-metrics-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const fail = (error: Error): never => {
  throw error
}

test('appends lines; opened again, forgets what came after a step', async () => {
  const log = await MetricsLog.open(folder, 0, fail)
  for (let step = 1; step <= 5; step++) await log.append({ step, loss: 1 / step })
  await log.flush()
  await log.close()
  expect((await readMetrics(folder)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5])
  const again = await MetricsLog.open(folder, 3, fail)
  expect(again.all).toHaveLength(3)
  await again.append({ step: 4, validation: 2 })
  await again.close()
  expect((await readFile(join(folder, 'metrics.jsonl'), 'utf8')).split('\n')).toHaveLength(5)
})

test('lines that make no sense are dropped', async () => {
  await writeFile(join(folder, 'metrics.jsonl'), '{"step":1}\nnull\n[]\n7\n{"step":"x"}\n\n{"step":2,"lo')
  expect(await readMetrics(folder)).toEqual([{ step: 1 }])
})

// A device file that is always full.
test.runIf(process.platform === 'linux')('a full disk is told, and ends nothing', async () => {
  const errors: Error[] = []
  const onError = (error: Error): number => errors.push(error)
  const log = new MetricsLog('metrics.jsonl', await open('/dev/full', 'a'), [], onError)
  await log.append({ step: 1 })
  expect(errors).toEqual([expect.any(CheckpointError)])
  expect(errors[0].message).toMatch(/the disk is full/)
  expect(log.all).toEqual([{ step: 1 }])
  await log.close()
})

test('the curve: axes, both lines, any numbers', () => {
  const metrics = Array.from({ length: 1000 }, (_, i) => ({
    step: i + 1,
    loss: 5 / Math.sqrt(i + 1) + 1,
    ...(i % 100 === 99 ? { validation: 6 / Math.sqrt(i + 1) + 1 } : {}),
  }))
  const { unit } = language()
  const svg = lossCurve(metrics, 'mamba2, <book> & "more"', unit)
  expect(svg.match(/<polyline/g)).toHaveLength(2)
  expect(svg).toContain('&lt;book')
  expect(svg).not.toMatch(/NaN|Infinity|undefined/)
  for (const few of [[], metrics.slice(0, 1), [{ step: 1, loss: 0 }]])
    expect(lossCurve(few, '', unit)).not.toMatch(/NaN|Infinity/)
})
