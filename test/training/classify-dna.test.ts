/**
 * A classifier of real DNA, `examples/data/splice_junctions.tsv`: from the command line, killed and resumed,
 * and on each device.
 */
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/tensor/random.ts'
import { commandLine, type CommandLine } from '../cli/command-line.ts'
import { testDevices } from '../devices.ts'
import { expectSameBits, whatIsLeft } from '../suites/runs.ts'

const DATA = fileURLToPath(new URL('../../examples/data/splice_junctions.tsv', import.meta.url))
const KILLS = 4

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-dna-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('from the command line', () => {
  let cli: CommandLine
  beforeAll(async () => {
    cli = await commandLine()
  })
  afterAll(() => cli.remove())

  const flags = {
    data: DATA,
    sequence: 'seq',
    'split-column': 'split',
    device: 'wasm',
    threads: 2,
    architecture: 'mamba',
    layers: 1,
    width: 32,
    state: 4,
    steps: 120,
    'learning-rate': 0.01,
    'evaluate-every': 40,
    'checkpoint-every': 10,
  }
  const settings = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)])

  test(
    `reports the official test beside the majority class; killed ${KILLS} times, it ends with the same bits`,
    { timeout: 240_000 },
    async () => {
      const [whole, killed] = [join(folder, 'whole'), join(folder, 'killed')]
      const began = performance.now()
      const { code, stdout, stderr } = await cli.run('train', 'classify', ...settings, '--out', whole)
      const took = performance.now() - began
      expect([code, stderr]).toEqual([0, ''])
      expect(stdout).toMatch(/ 1800 sequences \+ 200 held out, 1186 to be tested on\n/)
      expect(stdout).toMatch(/^step 40: validation \d\.\d{3} nats, accuracy \d\d\.\d %/m)
      const told =
        /^On the test part:\n.* over 1186\naccuracy (.*) %\nmacro F1 .* %\nmajority class (.*) %\n/m.exec(
          stdout,
        )
      expect(told?.[2]).toBe('50.8')
      expect(Number(told?.[1])).toBeGreaterThan(60)
      const tested = await readFile(join(whole, 'test.json'), 'utf8')
      const { metrics, confusion, classes } = JSON.parse(tested)
      expect([classes, metrics.majority]).toEqual([['ei', 'ie', 'n'], 603 / 1186])
      expect(confusion.map((row: number[]) => row.reduce((sum, count) => sum + count))).toEqual([
        303, 280, 603,
      ])

      const random = new Random(Date.now())
      const moments: number[] = []
      for (let kill = 0; kill <= KILLS; kill++) {
        const begun = await access(join(killed, 'run.json')).then(
          () => true,
          () => false,
        )
        const running = begun
          ? cli.start('train', 'classify', '--resume', killed)
          : cli.start('train', 'classify', ...settings, '--out', killed)
        if (kill < KILLS) {
          await running.seen(/^step \d+\//m)
          moments.push(Math.round(random.uniform(0, took / KILLS)))
          await Promise.race([sleep(moments.at(-1)), running.finished])
          running.child.kill('SIGKILL')
        }
        const finished = await running.finished
        expect(finished.stderr, `after kills at ${moments.join()}`).toBe('')
        if (kill === KILLS) expect(finished.code).toBe(0)
      }
      expect(await whatIsLeft(killed), `after kills at ${moments.join()}`).toEqual(await whatIsLeft(whole))
      expect(await readFile(join(killed, 'test.json'), 'utf8')).toBe(tested)
    },
  )

  test('a finished run is evaluated, and predicts into a file that it does not replace', async () => {
    const run = join(folder, 'whole')
    const where = ['--device', 'wasm']
    const evaluated = await cli.run('evaluate', run, DATA, '--json', ...where)
    expect(evaluated).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(evaluated.stdout)).toMatchObject({ count: 3186, classes: ['ei', 'ie', 'n'] })
    const out = join(folder, 'predictions.csv')
    const predicted = await cli.run('predict', run, DATA, '--out', out, ...where)
    expect(predicted).toMatchObject({ code: 0, stdout: `3186 predictions in ${out}\n`, stderr: '' })
    const lines = (await readFile(out, 'utf8')).trim().split('\n')
    expect([lines[0], lines.length]).toEqual(['id,class,probability', 3187])
    for (const line of lines.slice(1)) expect(line).toMatch(/^\d+,(ei|ie|n),[01](\.\d+)?$/)
    const again = await cli.run('predict', run, DATA, '--out', out, ...where)
    expect([again.code, again.stderr]).toEqual([1, expect.stringMatching(/the file is there already/)])
    await cli.run('predict', run, DATA, '--out', out, '--force', ...where)
    expect((await readFile(out, 'utf8')).trim().split('\n')).toEqual(lines)
  })

  test('is continued by the command of its own task', async () => {
    const { code, stderr } = await cli.run('train', 'label', '--resume', join(folder, 'whole'))
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/another task; expected label, found classify.*train classify --resume/),
    ])
  })
})

// A batch takes seconds where the CPU stands in for the GPU: a part of the data, and two steps.
testDevices(
  'a part of the data',
  (device) => {
    test(
      'trains, stopped and resumed to the same bits, and is tested beside the majority class',
      { timeout: 240_000 },
      async () => {
        const [names, ...rows] = (await readFile(DATA, 'utf8')).trim().split('\n')
        const data = join(folder, 'part.tsv')
        await writeFile(data, [names, ...rows.filter((_, i) => i % 40 === 0)].join('\n'))
        const settings = {
          task: 'classify',
          data,
          sequence: 'seq',
          splitColumn: 'split',
          architecture: 'mamba',
          layers: 1,
          width: 8,
          state: 4,
          batch: 16,
          steps: 2,
        } as const
        let count = 0
        const { test: tested } = await expectSameBits(device(), settings, [1], () =>
          join(folder, `part-${count++}`),
        )
        // Most of what it trains on is `n`, and so are 15 of the 30 of the test.
        expect(tested).toMatchObject({ count: 30, metrics: { majority: 15 / 30 } })
      },
    )
  },
  ['webgpu'],
)
