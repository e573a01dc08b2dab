import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ARCHITECTURE_NAMES } from '../../src/models/config.ts'
import { commandLine, type CommandLine } from './command-line.ts'

let cli: CommandLine
let folder = ''
let data = ''
/** Small enough to train in a moment. */
const TINY = [
  '--layers',
  '1',
  '--width',
  '8',
  '--state',
  '4',
  '--batch',
  '2',
  '--length',
  '16',
  '--device',
  'wasm',
  '--threads',
  '1',
]

beforeAll(async () => {
  cli = await commandLine()
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-cli-'))
  data = join(folder, 'sea.txt')
  await writeFile(data, 'the whale and the sea and the ship. '.repeat(60))
})
afterAll(async () => {
  await cli.remove()
  await rm(folder, { recursive: true, force: true })
})

describe('what is refused', () => {
  const refused: [string, string[], RegExp][] = [
    [
      'an unknown flag',
      ['train', 'text', '--data', 'x', '--layer', '3'],
      /unknown option '--layer'\n\(Did you mean (one of )?--layers/,
    ],
    ['an unknown command', ['trian'], /unknown command 'trian'\n\(Did you mean train\?\)/],
    [
      'a number out of range',
      ['train', 'text', '--data', 'x', '--layers', '0'],
      /Expected a whole number from 1 to 1024/,
    ],
    ['half a layer', ['train', 'text', '--data', 'x', '--layers', '1.5'], /Expected a whole number/],
    ['a word for a number', ['train', 'text', '--data', 'x', '--steps', 'many'], /Expected a whole number/],
    ['nothing for a number', ['train', 'text', '--data', 'x', '--steps', ''], /Expected a whole number/],
    ['a negative rate', ['train', 'text', '--data', 'x', '--learning-rate', '-1'], /Expected a number from/],
    [
      'an unknown choice',
      ['train', 'text', '--data', 'x', '--architecture', 'rnn'],
      new RegExp(`choices are ${ARCHITECTURE_NAMES.join(', ')}`),
    ],
    ['no data', ['train', 'text'], /'--data <path>' not given/],
    ['too many words', ['train', 'text', 'book.txt'], /too many arguments/],
    ['no prompt', ['generate', 'runs/x'], /required option '--prompt <text>'/],
    [
      'a temperature below 0',
      ['generate', 'runs/x', '--prompt', 'a', '--temperature', '-1'],
      /Expected a number from 0/,
    ],
    [
      'flags that change a resumed run',
      ['train', 'text', '--resume', 'x', '--width', '5'],
      /does not take '--width'/,
    ],
    [
      'another architecture than that of the model to train on from',
      ['train', 'text', '--data', 'x', '--from', 'x', '--layers', '2'],
      /own architecture and does not take '--layers'/,
    ],
  ]
  test.each(refused)('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await cli.run(...args)
    expect(stderr).toMatch(message)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  const failing: [string, () => string[], RegExp][] = [
    [
      'a missing file',
      () => ['train', 'text', '--data', join(folder, 'no.txt')],
      /^error: \[.*no\.txt\] no such file or folder\n$/,
    ],
    [
      'too little text',
      () => ['train', 'text', '--data', data, '--length', '100000'],
      /^error: \[data\] too little data.*\n$/,
    ],
    [
      'resuming what is no run',
      () => ['train', 'text', '--resume', folder],
      /^error: \[.*\] not a run folder.*\n$/,
    ],
    ['generating from nothing', () => ['generate', join(folder, 'no'), '--prompt', 'a'], /^error: .*\n$/],
    [
      'an output below a file',
      () => ['train', 'text', '--data', data, '--out', join(data, 'run'), ...TINY],
      /^error: .*a file is in the place.*\n$/,
    ],
    [
      'an output with other files',
      () => ['train', 'text', '--data', data, '--out', folder, ...TINY],
      /^error: .*holds other files.*\n$/,
    ],
  ]
  test.each(failing)('%s, in one line without a stack', async (_, args, message) => {
    const { code, stderr } = await cli.run(...args())
    expect(stderr).toMatch(message)
    expect(code).toBe(1)
  })

  test('--verbose adds the stack', async () => {
    const { stderr } = await cli.run('train', 'text', '--data', join(folder, 'no.txt'), '--verbose')
    expect(stderr).toMatch(/\n {4}at .*\n[^]*caused by: .*ENOENT/)
  })
})

test('--help and --version', async () => {
  const { code, stdout } = await cli.run('train', 'text', '--help')
  expect(code).toBe(0)
  for (const flag of ['--data', '--from', '--resume', '--architecture', '--patience', '--threads'])
    expect(stdout).toContain(flag)
  expect((await cli.run('--version')).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
})

describe('a tiny run', () => {
  let run = ''
  beforeAll(() => {
    run = join(folder, 'run')
  })

  test('trains, in plain lines', async () => {
    const args = [
      '--data',
      data,
      '--out',
      run,
      '--steps',
      '40',
      '--evaluate-every',
      '20',
      '--learning-rate',
      '0.02',
      ...TINY,
    ]
    const { code, stdout, stderr } = await cli.run('train', 'text', ...args)
    expect(stderr).toBe('')
    expect(code).toBe(0)
    const lines = stdout.split('\n')
    expect(lines[0]).toMatch(/wasm.*mamba2 1 × 8, [\d.]+ k parameters.*1\.94 kB \+ 216 bytes held out/)
    expect(stdout).toMatch(/^step 1\/40 {2}\d\.\d{3} bits\/byte {2}.*tokens\/s {2}lr .* left$/m)
    expect(stdout).toMatch(/^step 20: validation \d\.\d{3} bits\/byte {2}best so far$/m)
    expect(stdout).toMatch(/^Best validation: \d\.\d{3} bits per byte, at step \d+\.$/m)
    expect(stdout).toContain(`npx sidewinder generate ${run} --prompt`)
    expect(stdout).not.toContain('\r')
    const files = await readdir(run)
    expect(files.toSorted()).toEqual([
      'checkpoints',
      'config.json',
      'loss.svg',
      'metrics.jsonl',
      'model.safetensors',
      'run.json',
    ])
    expect((await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(40)
    expect(await readFile(join(run, 'loss.svg'), 'utf8')).toMatch(/^<svg[^]*polyline[^]*<\/svg>\n$/)
  })

  test('is not overwritten', async () => {
    const { code, stderr } = await cli.run('train', 'text', '--data', data, '--out', run, ...TINY)
    expect(stderr).toMatch(/holds a run already.*--resume/)
    expect(code).toBe(1)
  })

  test('is not resumed with other data', async () => {
    const other = join(folder, 'other.txt')
    await writeFile(other, 'another text. '.repeat(100))
    const { code, stderr } = await cli.run('train', 'text', '--resume', run, '--data', other)
    expect(stderr).toMatch(/the data has changed/)
    expect(code).toBe(1)
  })

  test('resumed when finished, it says so and changes nothing', async () => {
    const before = await readFile(join(run, 'model.safetensors'))
    const { code, stdout } = await cli.run('train', 'text', '--resume', run)
    expect(stdout).toMatch(/Finished after step 40/)
    expect(code).toBe(0)
    expect(await readFile(join(run, 'model.safetensors'))).toEqual(before)
  })

  test('trains longer, and another trains on from it', async () => {
    const longer = await cli.run('train', 'text', '--resume', run, '--steps', '42')
    expect(longer).toMatchObject({ code: 0, stderr: '' })
    expect(longer.stdout).toMatch(/after step 40 of 42[^]*Finished after step 42/)
    const on = join(folder, 'on')
    const flags = ['--length', '16', '--batch', '2', '--steps', '2', '--device', 'wasm', '--threads', '1']
    const begun = await cli.run('train', 'text', '--data', data, '--from', run, '--out', on, ...flags)
    expect(begun).toMatchObject({ code: 0, stderr: '' })
    expect(begun.stdout).toMatch(/mamba2 1 × 8.*\n[^]*Finished after step 2/)
  })

  test('generates: the same text with the same seed, up to a stop text', async () => {
    const args = [
      'generate',
      run,
      '--prompt',
      'the ',
      '--max-tokens',
      '60',
      '--device',
      'wasm',
      '--threads',
      '1',
    ]
    const [a, b, c] = await Promise.all([
      cli.run(...args, '--seed', '3'),
      cli.run(...args, '--seed', '3'),
      cli.run(...args, '--temperature', '0'),
    ])
    expect(a).toMatchObject({ code: 0, stderr: '' })
    expect(a.stdout.length).toBeGreaterThan(20)
    expect(b.stdout).toBe(a.stdout)
    const [stop] = /\S{2,}/.exec(c.stdout.slice(5))!
    const stopped = await cli.run(...args, '--temperature', '0', '--stop', stop)
    expect(stopped.stdout).toBe(`${c.stdout.slice(0, c.stdout.indexOf(stop))}\n`)
  })

  test('two processes do not write one run', async () => {
    const shared = join(folder, 'shared')
    const first = cli.start('train', 'text', '--data', data, '--out', shared, '--steps', '1000000', ...TINY)
    await first.seen(/^step 1\//m)
    const { code, stderr } = await cli.run('train', 'text', '--resume', shared)
    expect(stderr).toMatch(/the run is in use; found process \d+/)
    expect(code).toBe(1)
    first.child.kill('SIGKILL')
    await first.finished
  })
})
