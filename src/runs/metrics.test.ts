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
  const log = await MetricsLog.open(folder, 0, fail, fail)
  for (let step = 1; step <= 5; step++) await log.append({ step, loss: 1 / step })
  await log.flush()
  await log.close()
  expect((await readMetrics(folder)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5])
  const again = await MetricsLog.open(folder, 3, fail, fail)
  expect(again.all).toHaveLength(3)
  await again.append({ step: 4, validation: 2 })
  await again.close()
  expect((await readFile(join(folder, 'metrics.jsonl'), 'utf8')).split('\n')).toHaveLength(5)
})

test('lines that make no sense are dropped, and named but for the last one', async () => {
  await writeFile(join(folder, 'metrics.jsonl'), '{"step":1}\nnull\n[]\n7\n{"step":"x"}\n\n{"step":2,"lo')
  const errors: string[] = []
  expect(await readMetrics(folder, ({ message }) => errors.push(message))).toEqual([{ step: 1 }])
  expect(errors.map((message) => /jsonl: line (\d)\]/.exec(message)?.[1])).toEqual(['2', '3', '4', '5', '6'])
})

test('a bit that flipped in a line is seen; the others are read', async () => {
  const log = await MetricsLog.open(folder, 0, fail, fail)
  const metrics = [1, 2, 3].map((step) => ({ step, loss: 1 / step }))
  for (const metric of metrics) await log.append(metric)
  await log.close()
  const path = join(folder, 'metrics.jsonl')
  const good = await readFile(path)
  const [begin, end] = [good.indexOf('\n') + 1, good.lastIndexOf('\n', good.length - 2)]
  const key = good.indexOf('crc32', begin)
  for (let bit = 8 * begin; bit < 8 * end; bit++) {
    await writeFile(path, new Uint8Array(good).with(bit >> 3, good[bit >> 3] ^ (1 << (bit & 7))))
    const errors: Error[] = []
    const read = await readMetrics(folder, (error) => errors.push(error))
    // Under another name, the checksum is none. The values are right.
    if (bit >> 3 >= key && bit >> 3 < key + 5 && errors.length === 0) {
      expect(read[1]).toMatchObject(metrics[1])
      continue
    }
    expect(read).toEqual([metrics[0], metrics[2]])
    expect(errors.length).toBeGreaterThan(0)
    expect(errors[0]).toBeInstanceOf(CheckpointError)
  }
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
