import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDevices } from '../../test/devices.ts'
import type { AnyDevice } from '../devices/device.ts'
import { CheckpointError, ConfigError, NumericsError } from '../errors.ts'
import { Random } from '../tensor/random.ts'
import { readMetrics } from './metrics.ts'
import type { PredictedRow } from '../tasks/definition.ts'
import { resumeRun, startRun } from './run.ts'
import type { RunSettings } from './settings.ts'
import type { RunResult } from './training.ts'
import { evaluateRun, predictRun } from './use.ts'

let folder = ''
let data = ''
let count = 0
const random = new Random(7)
const words = ['the ', 'sea ', 'and ', 'whale ', 'ship\n']

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-train-'))
  data = join(folder, 'text')
  await rm(data, { force: true, recursive: true })
  await writeFile(data, Array.from({ length: 500 }, () => words[random.integer(5)]).join(''))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const newFolder = (): string => join(folder, `run-${count++}`)
type TextRun = Extract<RunSettings, { task: 'text' }>
const tiny = (changes: Partial<TextRun>): TextRun => ({
  task: 'text',
  layers: 1,
  width: 8,
  state: 4,
  batch: 2,
  length: 16,
  steps: 12,
  learningRate: 0.01,
  evaluateEvery: 4,
  checkpointEvery: 5,
  data,
  ...changes,
})

/** Stops after these steps. */
function stoppingAt(step: number): { signal: AbortSignal; events: { onStep(info: { step: number }): void } } {
  const controller = new AbortController()
  return { signal: controller.signal, events: { onStep: (info) => info.step === step && controller.abort() } }
}

async function whatIsLeft(run: string): Promise<Record<string, unknown>> {
  const last = (await readdir(join(run, 'checkpoints'))).toSorted().at(-1)!
  const at = (file: string): Promise<Buffer> => readFile(join(run, 'checkpoints', last, file))
  const { seconds: _, ...state } = JSON.parse((await at('trainer.json')).toString())
  return {
    last,
    state,
    weights: await at('model.safetensors'),
    moments: await at('optimizer.safetensors'),
    model: await readFile(join(run, 'model.safetensors')),
    metrics: await readMetrics(run),
    curve: await readFile(join(run, 'loss.svg'), 'utf8'),
  }
}

async function finish(promise: Promise<RunResult>): Promise<Omit<RunResult, 'model' | 'folder'>> {
  const { model, folder: _, ...rest } = await promise
  model.dispose()
  return rest
}

/** A run that is left alone, and one that is stopped after each of these steps, end with the same bits. */
async function expectSameBits(device: AnyDevice, run: RunSettings, stops: readonly number[]): Promise<void> {
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
}

// WebGPU may be computed by the CPU here, where a step takes seconds: one run of a few steps.
testDevices(
  'a text run',
  (device) => {
    test('stopped and resumed, it is the same to the last bit', { timeout: 240_000 }, () =>
      expectSameBits(device(), tiny({ batching: 'carried', steps: 2, validationPart: 0 }), [1]),
    )
  },
  ['webgpu'],
)

testDevices(
  'text runs',
  (device) => {
    describe('stopped anywhere and resumed, a run is the same to the last bit', () => {
      const kinds: [string, Partial<TextRun>][] = [
        ['random windows', { architecture: 'mamba2' }],
        ['carried state', { architecture: 'mamba', batching: 'carried' }],
        ['carried state of a mamba2 of two layers', { batching: 'carried', layers: 2, accumulation: 2 }],
        ['packed documents', { architecture: 's4d', batching: 'packed', schedule: 'wsd' }],
        ['a transformer, layers recomputed', { architecture: 'transformer', recompute: true }],
        ['nothing held out', { validationPart: 0 }],
      ]
      test.each(kinds)('%s', (_, changes) => expectSameBits(device(), tiny(changes), [3, 4, 10, 11]))
    })

    test('the text of the test is read with the best weights, in the end', async () => {
      const run = newFolder()
      const test = join(folder, 'test.txt')
      await writeFile(test, (await readFile(data, 'utf8')).slice(0, 400))
      const { test: found } = await finish(
        startRun(tiny({ test, evaluateEvery: 1 }), { device: device(), folder: run }),
      )
      expect(found!.count).toBe(399)
      expect(JSON.parse(await readFile(join(run, 'test.json'), 'utf8'))).toEqual(found)
      const { loss, metrics } = await evaluateRun(run, test, device())
      expect([loss, metrics]).toEqual([found!.loss, found!.metrics])
      await rm(test)
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(/test\.txt\] no such file/)
    })

    test('patience stops it, also when it is resumed', async () => {
      const [whole, pieces] = [newFolder(), newFolder()]
      // The text to validate on is not like the rest: it gets worse as the rest is learned.
      const strange = join(folder, 'strange.txt')
      await writeFile(strange, (await readFile(data, 'utf8')).slice(0, 1800) + 'ZQXJK '.repeat(34))
      const run = tiny({ data: strange, steps: 200, evaluateEvery: 2, patience: 3, learningRate: 0.1 })
      const want = await finish(startRun(run, { device: device(), folder: whole }))
      expect(want.stopped).toBe('patience')
      expect(want.step).toBe(want.best!.step + 3 * 2)
      await finish(startRun(run, { device: device(), folder: pieces, ...stoppingAt(want.step - 3) }))
      expect(await finish(resumeRun(pieces, { device: device() }))).toEqual(want)
      expect(await whatIsLeft(pieces)).toEqual(await whatIsLeft(whole))
      // Resumed again, it knows that its patience is over.
      expect(await finish(resumeRun(pieces, { device: device() }))).toEqual(want)
    })

    test('model.safetensors is the best checkpoint, which is kept', async () => {
      const run = newFolder()
      const { best } = await finish(
        startRun(tiny({ steps: 40, learningRate: 0.5 }), { device: device(), folder: run }),
      )
      const name = `step-${String(best!.step).padStart(8, '0')}`
      const kept = await readdir(join(run, 'checkpoints'))
      expect(kept).toContain(name)
      expect(kept.length).toBeLessThanOrEqual(3)
      const weights = await readFile(join(run, 'checkpoints', name, 'model.safetensors'))
      expect(await readFile(join(run, 'model.safetensors'))).toEqual(weights)
    })

    test('a loss that is not finite stops, and keeps the last checkpoint', async () => {
      const run = newFolder()
      const hot = tiny({
        learningRate: 10,
        maxNorm: 1e9,
        steps: 2000,
        checkpointEvery: 1,
        validationPart: 0,
        weightDecay: 10,
      })
      const running = startRun(hot, { device: device(), folder: run })
      await expect(running).rejects.toThrow(NumericsError)
      expect(await readdir(run)).not.toContain('.lock')
      expect((await readdir(join(run, 'checkpoints'))).length).toBeGreaterThan(0)
    })
  },
  ['wasm'],
)

testDevices(
  'runs on tables',
  (device) => {
    /** Words of two kinds, numbers that follow from them, and the part that each row is of. */
    const rows = Array.from({ length: 60 }, (_, i) => {
      const word = Array.from(
        { length: 3 + (i % 5) },
        (_, at) => 'abc'[(i * 7 + at * (1 + (i % 2))) % 3],
      ).join('')
      return {
        name: `row ${i}`,
        word,
        kind: i % 2 === 0 ? 'even' : 'odd',
        marks: word.replaceAll('a', '-').replaceAll('b', 'x').replaceAll('c', 'y'),
        count: word.split('a').length - 1,
        part: i % 5 === 0 ? 'test' : 'train',
        wave: Array.from({ length: 4 }, (_, at) => [Math.sin(i + at), i]),
        next: Array.from({ length: 4 }, (_, at) => Math.sin(i + at + 1)),
      }
    })
    let table = ''
    let lines = ''
    beforeAll(async () => {
      table = join(folder, 'table.csv')
      lines = join(folder, 'table.jsonl')
      const names = ['name', 'word', 'kind', 'marks', 'count', 'part'] as const
      const text = [names.join(), ...rows.map((row) => names.map((name) => row[name]).join())].join('\n')
      await writeFile(table, text)
      await writeFile(lines, rows.map((row) => JSON.stringify(row)).join('\n'))
    })

    const common = {
      architecture: 'mamba',
      layers: 1,
      width: 8,
      state: 4,
      batch: 4,
      steps: 12,
      learningRate: 0.02,
      evaluateEvery: 4,
      checkpointEvery: 5,
      splitColumn: 'part',
      sequence: 'word',
    } as const
    const kinds: readonly [string, () => RunSettings][] = [
      ['classify', () => ({ ...common, task: 'classify', data: table, label: 'kind' })],
      [
        'classify, parts of an update',
        () => ({ ...common, task: 'classify', data: lines, label: 'kind', accumulation: 3 }),
      ],
      [
        'label, in rows shorter than the words',
        () => ({ ...common, task: 'label', data: table, labels: 'marks', ignore: '-', length: 4 }),
      ],
      ['regress', () => ({ ...common, task: 'regress', data: table, target: 'count' })],
      [
        'regress positions of numbers',
        () => ({
          ...common,
          task: 'regress',
          data: lines,
          sequence: 'wave',
          target: 'next',
          each: 'position',
        }),
      ],
    ]
    test.each(kinds)('stopped anywhere and resumed, the same to the last bit: %s', async (_, settings) => {
      await expectSameBits(device(), settings(), [1, 5, 9])
    })

    test('evaluated and asked for predictions, a run reads as it was trained', async () => {
      const run = newFolder()
      const settings = {
        ...common,
        task: 'classify',
        data: table,
        label: 'kind',
        id: 'name',
        steps: 40,
      } as const
      const { test: found } = await finish(startRun(settings, { device: device(), folder: run }))
      expect(found).toMatchObject({ count: 12, classes: ['even', 'odd'], metrics: { majority: 0.5 } })
      const part = join(folder, 'part.jsonl')
      const tested = rows.filter((row) => row.part === 'test')
      await writeFile(part, tested.map((row) => JSON.stringify(row)).join('\n'))
      const again = await evaluateRun(run, part, device())
      expect(again).toMatchObject({ count: 12, confusion: found!.confusion })
      expect(again.loss).toBeCloseTo(found!.loss, 6)
      // What is to be predicted may be missing.
      await writeFile(part, tested.map(({ name, word }) => JSON.stringify({ name, word })).join('\n'))
      const predicted: PredictedRow[] = []
      for await (const row of predictRun(run, part, device())) predicted.push(row)
      expect(predicted.map(({ id }) => id)).toEqual(tested.map(({ name }) => name))
      const even = predicted.filter((row) => row['class'] === 'even').length
      expect(even).toBe(found!.confusion![0][0] + found!.confusion![1][0])
      for (const { probability } of predicted) expect(probability).toBeGreaterThanOrEqual(0.5)
      await expect(evaluateRun(run, part, device())).rejects.toThrow(
        /part\.jsonl.*no such column; expected name, word, found kind/,
      )
    })

    test('numbers and labels of positions are predicted as they were given', async () => {
      const [labels, numbers] = [newFolder(), newFolder()]
      const [, , label, , positions] = kinds.map(([, settings]) => settings())
      await finish(startRun(label, { device: device(), folder: labels }))
      await finish(
        startRun({ ...positions, steps: 150 } as RunSettings, { device: device(), folder: numbers }),
      )
      const words: string[] = []
      for await (const { labels: found } of predictRun(labels, table, device())) words.push(found as string)
      expect(words.map(({ length }) => length)).toEqual(rows.map(({ word }) => word.length))
      expect(words.join('')).toMatch(/^[xy]+$/)
      const { metrics } = await evaluateRun(numbers, lines, device())
      expect(metrics['meanSquaredError']).toBeLessThan(0.5 * metrics['baseline'])
      let error = 0
      let i = 0
      for await (const { next } of predictRun(numbers, lines, device())) {
        for (const [at, value] of (next as number[]).entries()) error += (value - rows[i].next[at]) ** 2 / 240
        i++
      }
      expect(error / metrics['meanSquaredError']).toBeCloseTo(1, 3)
    })

    const refused: [string, object, RegExp][] = [
      [
        'a column that there is not',
        { sequence: 'words' },
        /table\.csv\] the table has no such column; expected name, word.*found words/,
      ],
      [
        'one class',
        { label: 'part', splitColumn: undefined, validationPart: 0, data: 'one.csv' },
        /two classes or more; found train/,
      ],
      [
        'another part',
        { splitColumn: 'kind' },
        /table\.csv:2, kind\] no part of the data has this name; expected train, valid or test, found even/,
      ],
      ['an unknown setting', { dropout: 0.1 }, /dropout\] unknown key/],
      ['an unknown task', { task: 'paint' }, /unknown task; expected text, classify/],
      ['a length too short', { length: 3 }, /record 3\] the sequence is longer than a row/],
    ]
    test.each(refused)('%s is refused', async (_, changes, message) => {
      await writeFile(join(folder, 'one.csv'), 'word,part\na,train\nb,train\n')
      const settings = { ...common, task: 'classify', data: table, label: 'kind', ...changes } as RunSettings
      if (settings.data === 'one.csv') Object.assign(settings, { data: join(folder, 'one.csv') })
      const starting = startRun(settings, { device: device(), folder: newFolder() })
      await expect(starting).rejects.toThrow(message)
    })
  },
  ['wasm'],
)

testDevices(
  'damaged runs',
  (device) => {
    const started = async (): Promise<{ run: string; newest: string }> => {
      const run = newFolder()
      await finish(startRun(tiny({ steps: 5 }), { device: device(), folder: run }))
      const [newest] = (await readdir(join(run, 'checkpoints'))).toSorted().toReversed()
      return { run, newest: join(run, 'checkpoints', newest) }
    }

    test('hostile trainer.json is refused by name', async () => {
      const { run, newest } = await started()
      const path = join(newest, 'trainer.json')
      const good = JSON.parse(await readFile(path, 'utf8'))
      const random = good.trainer.batches.random
      const bad: [unknown, RegExp][] = [
        [{ ...good, version: 9 }, /version/],
        [{ ...good, trainer: { ...good.trainer, step: 4 } }, /wrong step; expected 5, found 4/],
        [{ ...good, trainer: { ...good.trainer, step: -1 } }, /trainer\.step/],
        [{ ...good, trainer: { ...good.trainer, batches: {} } }, /position in the data/],
        [
          { ...good, trainer: { ...good.trainer, batches: { random: random.slice(1) } } },
          /trainer\.batches\.random/,
        ],
        [
          { ...good, trainer: { ...good.trainer, batches: { random: [1, 2, 3, 1e300] } } },
          /trainer\.batches\.random/,
        ],
        [{ ...good, stale: 'x' }, /stale/],
        [{ ...good, best: { step: 1, loss: null } }, /best\.loss/],
        [{ ...good, more: 1 }, /more\] unknown key/],
        [null, /trainer\.json/],
      ]
      for (const [json, message] of bad) {
        await writeFile(path, JSON.stringify(json))
        const resuming = resumeRun(run, { device: device() })
        await expect(resuming).rejects.toThrow(CheckpointError)
        await expect(resuming).rejects.toThrow(message)
      }
      await writeFile(path, '{')
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(/not JSON/)
    })

    test('missing, cut and misshapen weights are refused by file', async () => {
      const { run, newest } = await started()
      const path = join(newest, 'model.safetensors')
      const good = await readFile(path)
      await rm(path)
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(/damaged.*Remove its folder/)
      await writeFile(path, good.subarray(0, good.length - 5))
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(CheckpointError)
      await writeFile(path, good)
      const stored = JSON.parse(await readFile(join(run, 'run.json'), 'utf8'))
      await writeFile(join(run, 'run.json'), JSON.stringify({ ...stored, width: 16 }))
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(
        /wrong shape; expected \[256, 16\], found \[256, 8\]/,
      )
    })

    test('leftovers of a crash are removed, and a line that was cut short is dropped', async () => {
      const { run } = await started()
      await writeFile(join(run, '.run.json.1-0.tmp'), 'x')
      await writeFile(join(run, 'checkpoints', '.step-00000009.1-0.tmp'), 'x')
      await appendFile(join(run, 'metrics.jsonl'), '{"step":6,"loss":1}\n{"step":7,"lo')
      await finish(resumeRun(run, { device: device() }))
      expect((await readdir(run, { recursive: true })).filter((name) => name.includes('.tmp'))).toEqual([])
      expect((await readMetrics(run)).map(({ step }) => step)).toEqual([1, 2, 3, 4, 5])
    })

    test('changed data is refused', async () => {
      const { run } = await started()
      const other = join(folder, 'other.txt')
      await writeFile(other, 'x'.repeat(2000))
      await expect(resumeRun(run, { device: device(), data: other })).rejects.toThrow(ConfigError)
    })
  },
  ['wasm'],
)
