/** Runs that are killed, again and again, end with the same bits as one that was left alone. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Random } from '../../src/tensor/random.ts'
import { commandLine, type CommandLine } from '../cli/command-line.ts'
import { onlyIn } from '../left-out.ts'
import { whatIsLeft } from '../suites/runs.ts'

const STEPS = 200

let cli: CommandLine
let folder = ''
let settings: string[] = []
/** The run that is left alone, and for how many milliseconds it trained. */
let whole = ''
let trainingTime = 0

beforeAll(async () => {
  cli = await commandLine()
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-resume-'))
  const data = join(folder, 'text.txt')
  const random = new Random(1)
  const words = ['the ', 'sea ', 'and ', 'whale ', 'ship\n']
  await writeFile(data, Array.from({ length: 1000 }, () => words[random.integer(5)]).join(''))
  const flags = {
    data,
    device: 'wasm',
    threads: 2,
    layers: 1,
    width: 16,
    state: 8,
    batch: 2,
    length: 16,
    steps: STEPS,
    batching: 'carried',
    'evaluate-every': 40,
    'checkpoint-every': 5,
    seed: 3,
  }
  settings = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, String(value)])
  whole = join(folder, 'whole')
  const running = await go(whole)
  await running.seen(/^step 1\//m)
  const began = performance.now()
  expect(await running.finished).toMatchObject({ code: 0, stderr: '' })
  trainingTime = performance.now() - began
}, 60_000)
afterAll(async () => {
  await cli.remove()
  await rm(folder, { recursive: true, force: true })
})

/** Starts the run, or resumes it if it got so far that it can be. */
async function go(run: string): Promise<ReturnType<CommandLine['start']>> {
  const begun = await readFile(join(run, 'run.json')).catch(() => undefined)
  return begun
    ? cli.start('train', 'text', '--resume', run)
    : cli.start('train', 'text', ...settings, '--out', run)
}

/** Kills a run so many times at random moments, lets it end, and compares what it leaves. */
async function killed(kills: number): Promise<void> {
  const run = join(folder, `killed-${kills}`)
  const random = new Random(Date.now())
  const moments: number[] = []
  for (let kill = 0; kill < kills; kill++) {
    const running = await go(run)
    // Some are killed while they start, most while they train and save.
    if (kill % 4 !== 0) await running.seen(/^step \d+\//m)
    const moment = random.uniform(0, kill % 4 === 0 ? 400 : (2 * trainingTime) / kills)
    moments.push(Math.round(moment))
    await Promise.race([sleep(moment), running.finished])
    running.child.kill('SIGKILL')
    const { stderr } = await running.finished
    expect(stderr, `after kills at ${moments.join()}`).toBe('')
  }
  const last = await go(run)
  expect(await last.finished).toMatchObject({ code: 0, stderr: '' })
  expect(await whatIsLeft(run), `after kills at ${moments.join()}`).toEqual(await whatIsLeft(whole))
  const left = (await readdir(run, { recursive: true })).filter(
    (name) => name.includes('.tmp') || name.includes('.lock'),
  )
  expect(left).toEqual([])
}

describe('a run in its own process', () => {
  const title = 'killed %i times at random moments, it ends with the same bits'
  test.each([3])(title, { timeout: 240_000 }, killed)
  test.each([20])(title, { timeout: 600_000, ...onlyIn('long') }, killed)

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    '%s saves, says how to resume, ends with %i, and the rest is the same',
    async (signal, ended) => {
      const run = join(folder, signal)
      const running = await go(run)
      await running.seen(/^step 1\//m)
      await sleep(100)
      running.child.kill(signal)
      const { code, stdout, stderr } = await running.finished
      expect({ code, stderr }).toEqual({ code: ended, stderr: '' })
      expect(stdout).toMatch(
        /Stopping after this step.*\n[^]*Saved after step \d+\. Continue with:\n {2}npx sidewinder train text --resume/,
      )
      const step = Number(/Saved after step (\d+)/.exec(stdout)![1])
      expect((await readdir(join(run, 'checkpoints'))).toSorted().at(-1)).toBe(
        `step-${String(step).padStart(8, '0')}`,
      )
      const resumed = await cli.run('train', 'text', '--resume', run)
      expect(resumed.stdout).toMatch(new RegExp(`Resuming .* after step ${step} of ${STEPS}`))
      expect(resumed.code).toBe(0)
      expect(await whatIsLeft(run)).toEqual(await whatIsLeft(whole))
    },
  )

  test.each([
    ['while a step is computed', 20],
    ['after the first was heard', 400],
  ])('a second SIGINT, %s, ends it at once', async (_, pause) => {
    const run = join(folder, `twice-${pause}`)
    const data = join(folder, 'text.txt')
    // Validations that take long, so that the second finds it at work.
    const slow = [
      '--steps',
      '1000',
      '--evaluate-every',
      '1',
      '--validation-part',
      '0.9',
      '--length',
      '16',
      '--batch',
      '1',
    ]
    const running = cli.start('train', 'text', '--data', data, '--out', run, '--device', 'wasm', ...slow)
    await running.seen(/^step 1\//m)
    running.child.kill('SIGINT')
    await sleep(pause)
    running.child.kill('SIGINT')
    const { code, signal, stdout } = await running.finished
    expect([130, 'SIGINT']).toContain(code ?? signal)
    expect(stdout).not.toContain('Saved')
    const resumed = cli.start('train', 'text', '--resume', run)
    await resumed.seen(/^step \d+\//m)
    resumed.child.kill('SIGKILL')
    expect((await resumed.finished).stderr).toBe('')
  })
})
