import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { testDevices } from '../../test/devices.ts'
import { expectSameBits, finish } from '../../test/suites/runs.ts'
import type { PredictedRow } from '../tasks/definition.ts'
import { resumeRun, startRun } from './run.ts'
import type { RunSettings } from './settings.ts'
import { evaluateRun, predictRun } from './use.ts'

let folder = ''
let count = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-tables-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const newFolder = (): string => join(folder, `run-${count++}`)

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
      await expectSameBits(device(), settings(), [1, 5, 9], newFolder)
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
      await finish(startRun({ ...positions, steps: 150 }, { device: device(), folder: numbers }))
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

    test('what a run learned of its data is checked when it is read again', async () => {
      const run = newFolder()
      const [, settings] = kinds[4]
      await finish(startRun({ ...settings(), steps: 1 }, { device: device(), folder: run }))
      const path = join(run, 'run.json')
      const { crc32: _, ...good } = JSON.parse(await readFile(path, 'utf8'))
      const { input, targets } = good.encoding
      const bad: [unknown, RegExp][] = [
        [{ input }, /encoding: targets\] wrong value/],
        [{ input: { kind: 'letters' }, targets }, /encoding: input/],
        [{ input: { kind: 'numbers', channels: [] }, targets }, /encoding: input\.channels/],
        [
          { input, targets: [{ mean: 0, deviation: 0 }] },
          /encoding: targets\.0\.deviation.*a number above 0/,
        ],
        [{ input, targets: [{ mean: '0', deviation: 1 }] }, /encoding: targets\.0\.mean/],
        [{ input, targets: [...targets, ...targets] }, /wrong number of values/],
      ]
      for (const [encoding, message] of bad) {
        await writeFile(path, JSON.stringify({ ...good, encoding }))
        await expect(resumeRun(run, { device: device() })).rejects.toThrow(message)
      }
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
