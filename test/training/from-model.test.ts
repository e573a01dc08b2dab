/** Runs that train on from a model, for longer than they were begun, and without their curve. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { loadModel } from '../../src/language/load-model.ts'
import { scoreTokens } from '../../src/language/score.ts'
import { resumeRun, startRun } from '../../src/runs/run.ts'
import { readRun } from '../../src/runs/run-file.ts'
import { evaluateRun, predictRun } from '../../src/runs/use.ts'
import { testDevices } from '../devices.ts'
import { finish, stoppingAt, whatIsLeft } from '../suites/runs.ts'

const fixture = (path: string): string => fileURLToPath(new URL(`../fixtures/${path}`, import.meta.url))
const small = { batch: 2, length: 16, steps: 6, learningRate: 0.01, evaluateEvery: 3, checkpointEvery: 2 }

let folder = ''
let data = ''
let count = 0
const newFolder = (): string => join(folder, `run-${count++}`)
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-from-'))
  data = join(folder, 'text.txt')
  await writeFile(data, 'the whale and the sea and the ship. \n'.repeat(60))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

testDevices(
  'training on from a model',
  (device) => {
    // A folder of transformers, and a GGUF file, whose A is not its logarithm.
    test.each(['gguf/mamba1', 'gguf/mamba2/model-f16.gguf'])(
      '%s: with its tokenizer, stopped and resumed to the same bits',
      async (path) => {
        const from = fixture(path)
        const run = { task: 'text', data, from, ...small } as const
        const [whole, pieces] = [newFolder(), newFolder()]
        const wanted = await finish(startRun(run, { device: device(), folder: whole }))
        await finish(startRun(run, { device: device(), folder: pieces, ...stoppingAt(3) }))
        expect(await finish(resumeRun(pieces, { device: device() }))).toEqual(wanted)
        expect(await whatIsLeft(pieces)).toEqual(await whatIsLeft(whole))
        const [before, after] = [
          await loadModel(from, { device: device(), weights: 'f32' }),
          await loadModel(whole, { device: device() }),
        ]
        const text = await readFile(data, 'utf8')
        const tokens = before.encode(text, { special: true })
        expect(after.encode(text, { special: true })).toEqual(tokens)
        const [old, now] = [await scoreTokens(before, tokens), await scoreTokens(after, tokens)]
        expect(now.perplexity).toBeLessThan(0.8 * old.perplexity)
        const evaluated = await evaluateRun(whole, data, device())
        expect([evaluated.count, evaluated.task.unit.short]).toEqual([tokens.length - 1, 'bits/token'])
        before.dispose()
        after.dispose()
      },
    )

    test('a classifier from a language model of bytes, and from a classifier', async () => {
      const [bytes, classes, again] = [newFolder(), newFolder(), newFolder()]
      await finish(
        startRun({ task: 'text', data, layers: 1, width: 8, ...small }, { device: device(), folder: bytes }),
      )
      const table = join(folder, 'table.csv')
      const rows = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? `abc${i},x` : `zz${i},y`))
      await writeFile(table, `sequence,label\n${rows.join('\n')}\n`)
      const run = { task: 'classify', data: table, steps: 8, learningRate: 0.05 } as const
      await finish(startRun({ ...run, from: bytes }, { device: device(), folder: classes }))
      await finish(startRun({ ...run, from: classes }, { device: device(), folder: again }))
      const predicted: unknown[] = []
      for await (const row of predictRun(again, table, device())) predicted.push(row['class'])
      expect(predicted).toHaveLength(20)
      const other = startRun(
        { ...run, from: fixture('gguf/mamba1') },
        { device: device(), folder: newFolder() },
      )
      await expect(other).rejects.toThrow(
        /does not take these data; expected tokens of \d+, found tokens of 256/,
      )
    })

    test('what does not fit is refused before anything is written', async () => {
      const run = { task: 'text', data, ...small } as const
      const begin = (more: object): Promise<unknown> =>
        startRun({ ...run, ...more }, { device: device(), folder: newFolder() })
      await expect(begin({ from: fixture('gguf/mamba1'), width: 8 })).rejects.toThrow(
        /width\].*says this itself/,
      )
      await expect(begin({ from: fixture('checkpoints/jamba-dense') })).rejects.toThrow(
        /no tokenizer for a text/,
      )
      await expect(begin({ from: join(folder, 'no') })).rejects.toThrow(/no such/)
    })
  },
  ['wasm'],
)

testDevices(
  'a run',
  (device) => {
    const run = { task: 'text', layers: 1, width: 8, ...small } as const

    test('goes on for more steps than it was begun with, and not for fewer than were done', async () => {
      const path = newFolder()
      await finish(startRun({ ...run, data }, { device: device(), folder: path }))
      const longer = await finish(resumeRun(path, { device: device(), steps: 9 }))
      expect(longer).toMatchObject({ stopped: 'finished', step: 9 })
      expect(await readRun(path)).toMatchObject({ steps: 9 })
      const fewer = resumeRun(path, { device: device(), steps: 8 })
      await expect(fewer).rejects.toThrow(/were done already; expected steps of 9 or more, found 8/)
      for (const steps of [0, 2.5, Number.NaN, Number.POSITIVE_INFINITY])
        await expect(resumeRun(path, { device: device(), steps })).rejects.toThrow(/steps\] wrong value/)
      expect(await readRun(path)).toMatchObject({ steps: 9 })
    })

    test('trains to its end without a curve, and says so once', async () => {
      const path = newFolder()
      const warnings: string[] = []
      const events = {
        // What stands in the place of the curve cannot be replaced.
        onStart: () => void mkdir(join(path, 'loss.svg/x'), { recursive: true }),
        onWarning: (message: string) => void warnings.push(message),
      }
      const { step, stopped } = await finish(
        startRun({ ...run, data }, { device: device(), folder: path, events }),
      )
      expect([step, stopped]).toEqual([6, 'finished'])
      expect(warnings).toEqual([expect.stringMatching(/training goes on.*loss\.svg/)])
    })
  },
  ['wasm'],
)
