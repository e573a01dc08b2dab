import { appendFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDevices } from '../../test/devices.ts'
import { expectSameBits, finish, stoppingAt, whatIsLeft } from '../../test/suites/runs.ts'
import { CheckpointError, ConfigError, NumericsError } from '../errors.ts'
import { Random } from '../tensor/random.ts'
import { readMetrics } from './metrics.ts'
import { resumeRun, startRun } from './run.ts'
import type { RunSettings } from './settings.ts'
import { evaluateRun } from './use.ts'

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

// On webgpu, a run is stopped and resumed in test/training/classify-dna.test.ts.
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
      test.each(kinds)('%s', async (_, changes) => {
        await expectSameBits(device(), tiny(changes), [3, 4, 10, 11], newFolder)
      })
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
      // As a run of before wrote it: with checksums, none of these gets so far.
      const { crc32: _, ...good } = JSON.parse(await readFile(path, 'utf8'))
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

    test.each(['model.safetensors', 'optimizer.safetensors', 'trainer.json'])(
      'a bit of %s that flipped is seen',
      async (name) => {
        const { run, newest } = await started()
        const path = join(newest, name)
        const good = await readFile(path)
        const digit = good.indexOf('"seconds":') + '"seconds":0.'.length
        for (const at of name === 'trainer.json' ? [digit, digit + 1] : [100, good.length - 2]) {
          await writeFile(
            path,
            good.map((byte, i) => (i === at ? byte ^ 1 : byte)),
          )
          const resuming = resumeRun(run, { device: device() })
          await expect(resuming).rejects.toThrow(/damaged.*Remove its folder/)
          await expect(resuming).rejects.toThrow(name)
        }
        await writeFile(path, good)
        await finish(resumeRun(run, { device: device() }))
      },
    )

    test('missing, cut and misshapen weights are refused by file', async () => {
      const { run, newest } = await started()
      const path = join(newest, 'model.safetensors')
      const good = await readFile(path)
      await rm(path)
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(/damaged.*Remove its folder/)
      await writeFile(path, good.subarray(0, good.length - 5))
      await expect(resumeRun(run, { device: device() })).rejects.toThrow(CheckpointError)
      await writeFile(path, good)
      const { crc32: _, ...stored } = JSON.parse(await readFile(join(run, 'run.json'), 'utf8'))
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
