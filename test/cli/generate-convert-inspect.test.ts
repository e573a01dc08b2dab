/** Commands on models, each in a process of its own: generate, convert, inspect. */
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CommandLine } from './command-line.ts'
import { GREEDY, openCliModels, WASM, type CliModels } from '../suites/cli-models.ts'

let models: CliModels
let cli: CommandLine
let [folder, published, run] = ['', '', '']
const output = (...args: string[]): Promise<string> => models.output(...args)

beforeAll(async () => {
  models = await openCliModels()
  ;({ cli, folder, published, run } = models)
})
afterAll(() => models.remove())

describe('generate', () => {
  test('saved and continued, it is the text that it would have been', async () => {
    const state = join(folder, 'whale.state')
    const begin = ['generate', run, '--prompt', 'the ', ...GREEDY]
    const whole = await output(...begin, '--max-tokens', '40')
    const first = await output(...begin, '--max-tokens', '15', '--save', state)
    const rest = await output('generate', run, '--from', state, '--max-tokens', '25', ...GREEDY)
    expect(first.trimEnd() + rest).not.toBe(whole.slice(0, 20))
    expect(`${first.slice(0, -1)}${rest}`).toBe(whole)
    // A prompt after a state goes on from it.
    const longer = await output(
      'generate',
      run,
      '--from',
      state,
      '--prompt',
      rest.slice(0, 5),
      '--max-tokens',
      '20',
      ...GREEDY,
    )
    expect(longer).toBe(rest.slice(5))
    const inspected = await output('inspect', state)
    expect(inspected).toMatch(/^saved state\n/)
    expect(inspected).toMatch(/^tokenizer: bytes$/m)
    expect(inspected).toMatch(/^layers\.0\.ssm +\[1, \d+, \d+, 8\] +2\.05 kB$/m)
    const json = JSON.parse(await output('inspect', state, '--json')) as { metadata: object }
    expect(json.metadata).toMatchObject({ format: 'sidewinder-state', seen: '19' })
  })

  test('a state is taken by the weights that made it, and a file is replaced only if that is wanted', async () => {
    const [half, state] = [join(folder, 'half.gguf'), join(folder, 'kept.state')]
    await output('convert', run, half, '--type', 'f16')
    const from = ['--from', state, '--max-tokens', '2', ...GREEDY]
    await output('generate', run, '--prompt', 'the', '--max-tokens', '2', '--save', state, ...GREEDY)
    const other = await cli.run('generate', run, ...from, '--weights', 'q8')
    expect(other.stderr).toMatch(/other weights; expected .* Q8_0, .*, found .* weights F32, .*--any-weights/)
    expect([other.code, other.stdout]).toEqual([1, ''])
    expect(await output('generate', run, ...from, '--weights', 'q8', '--any-weights')).toMatch(/^..\n$/)
    // Back onto the state that was read.
    await output('generate', run, ...from, '--save', state)
    const kept = join(folder, 'precious.txt')
    await writeFile(kept, 'precious')
    const begin = ['generate', run, '--prompt', 'the', '--max-tokens', '2', '--save', kept, ...GREEDY]
    const refused = await cli.run(...begin)
    expect(refused.stderr).toMatch(/precious\.txt\] the file is there already.*--force/)
    expect([refused.code, refused.stdout]).toEqual([1, ''])
    expect(await readFile(kept, 'utf8')).toBe('precious')
    await output(...begin, '--force')
    expect(await output('inspect', kept)).toMatch(/^saved state\n/)
    const before = await readFile(half)
    const again = await cli.run('convert', run, half)
    expect(again.stderr).toMatch(/half\.gguf\] the file is there already.*--force/)
    expect([again.code, await readFile(half)]).toEqual([1, before])
    await output('convert', run, half, '--force')
    expect((await readFile(half)).length).toBeGreaterThan(before.length)
  })

  test('a state of another model is refused', async () => {
    const state = join(folder, 'other.state')
    await output('generate', published, '--prompt', 'a', '--max-tokens', '2', '--save', state, ...WASM)
    const { code, stderr } = await cli.run('generate', run, '--from', state, ...WASM)
    expect(stderr).toMatch(/^error: \[saved state.*architecture.*\n$/)
    expect(code).toBe(1)
  })
})

describe('convert', () => {
  test.each(['f32', 'f16', 'q8_0', 'q4_0'])('a trained model as GGUF %s: it writes on', async (type) => {
    const file = join(folder, `run-${type}.gguf`)
    expect(await output('convert', run, file, '--type', type)).toBe(`Wrote ${file}\n`)
    const args = ['--prompt', 'the whale', '--max-tokens', '30', ...GREEDY]
    const text = await output('generate', file, ...args)
    if (type !== 'q4_0') expect(text).toBe(await output('generate', run, ...args))
    expect(text).toMatch(/^[a-z. ]{30}\n$/)
    const inspected = await output('inspect', file)
    const stored = { f32: 'F32', f16: 'F16', q8_0: 'Q8_0', q4_0: 'Q4_0' }[type]!
    expect(inspected).toMatch(new RegExp(`^embeddings .* ${stored}$`, 'm'))
    expect(inspected).toMatch(/^norms .* F32$/m)
  })

  test('to GGUF, to a folder and to GGUF again: the same file', async () => {
    const [file, back, again] = ['a/one.gguf', 'back', 'b/one.gguf'].map((name) => join(folder, name))
    for (const name of ['a', 'b']) await mkdir(join(folder, name), { recursive: true })
    await output('convert', published, file)
    await output('convert', file, back)
    expect((await readdir(back)).toSorted()).toEqual([
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ])
    const args = ['--prompt', 'the sea', '--max-tokens', '12', ...GREEDY]
    expect(await output('generate', back, ...args)).toBe(await output('generate', file, ...args))
    const config = JSON.parse(await readFile(join(back, 'config.json'), 'utf8')) as object
    expect(config).toMatchObject({ model_type: 'mamba', eos_token_id: 0, bos_token_id: 0 })
    // Straight from GGUF to GGUF nothing changes but the name of the model.
    await output('convert', file, again)
    const [one, two] = await Promise.all([file, again].map((path) => readFile(path)))
    expect(two.subarray(-80_000)).toEqual(one.subarray(-80_000))
    expect(two.includes('one.gguf')).toBe(true)
    expect(one.includes('published')).toBe(true)
  })

  test('in shards, and their total', async () => {
    const target = join(folder, 'shards')
    await output('convert', published, target, '--shard-size', '0.0001')
    const files = await readdir(target)
    expect(files.filter((name) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(name)).length).toBeGreaterThan(2)
    const text = await readFile(join(target, 'model.safetensors.index.json'), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ metadata: { total_size: 343_808 } })
    const args = ['--prompt', 'the sea', '--max-tokens', '12', ...GREEDY]
    expect(await output('generate', target, ...args)).toBe(await output('generate', published, ...args))
    const { code, stderr } = await cli.run('convert', published, target)
    expect(stderr).toMatch(/^error: .*there already; found .*model-00001.*--force/)
    expect(code).toBe(1)
    // One file would be read in place of the shards.
    const forced = await cli.run('convert', published, target, '--force')
    expect(forced.stderr).toMatch(/^error: .*files of another model are there.*Choose a new folder\n$/)
  })

  test('over a model only if that is wanted, and before the source is looked at', async () => {
    const target = join(folder, 'twice')
    await output('convert', published, target)
    const weights = join(target, 'model.safetensors')
    const before = await readFile(weights)
    const refused = await cli.run('convert', run, target)
    expect(refused.stderr).toMatch(/twice\] what would be written is there already.*--force/)
    expect([refused.code, await readFile(weights)]).toEqual([1, before])
    const unseen = await cli.run('convert', join(folder, 'no'), target)
    expect(unseen.stderr).toBe(refused.stderr)
    expect(await output('convert', published, target, '--force')).toBe(`Wrote ${target}\n`)
    expect(await readFile(weights)).toEqual(before)
  })

  const failing: [string, () => string[], RegExp][] = [
    ['an unknown model', () => ['convert', join(folder, 'no'), join(folder, 'x.gguf')], /no such model/],
    ['its own folder', () => ['convert', run, run], /into its own folder/],
    [
      'its own file',
      () => ['convert', join(folder, 'a/one.gguf'), join(folder, 'a/one.gguf')],
      /into its own/,
    ],
    ['a folder named as a file', () => ['convert', run, join(folder, 'x.safetensors')], /name of a file/],
    [
      'a type for a folder',
      () => ['convert', run, join(folder, 'x'), '--type', 'f16'],
      /only GGUF files have types; found f16\. End the target in \.gguf/,
    ],
    [
      'what GGUF cannot say',
      () => ['convert', 'test/fixtures/checkpoints/mamba-b', join(folder, 'x.gguf')],
      /no bias of the projections/,
    ],
  ]
  test.each(failing)('%s is refused', async (_, args, message) => {
    const { code, stdout, stderr } = await cli.run(...args())
    expect(stderr).toMatch(/^error: [^\n]*\n$/)
    expect(stderr).toMatch(message)
    expect([code, stdout]).toEqual([1, ''])
    expect(await readdir(folder)).not.toContain('x.gguf')
  })

  test('a type that there is not', async () => {
    const { code, stderr } = await cli.run('convert', run, join(folder, 'x.gguf'), '--type', 'q5_k')
    expect(stderr).toMatch(/choices are f32, f16, q8_0, q4_0/)
    expect(code).toBe(2)
  })
})

describe('inspect', () => {
  test('a model', async () => {
    const text = await output('inspect', published)
    expect(text).toBe(
      [
        `${published}  2 × mamba, width 64, vocabulary 320, language, tied embeddings`,
        '86.0 k parameters in 22 tensors, 344 kB',
        'state of a session: 19.5 kB, whatever the length',
        '',
        'kind             tensors     numbers       bytes  dtypes',
        'embeddings             1      20.5 k     81.9 kB  F32',
        'projections           10      59.6 k      239 kB  F32',
        'convolutions           4      1.28 k     5.12 kB  F32',
        'norms                  3         192   768 bytes  F32',
        'dynamics               4      4.35 k     17.4 kB  F32',
        '',
      ].join('\n'),
    )
  })

  test('its tensors', async () => {
    const text = await output('inspect', published, '--tensors')
    const lines = text.split('\n').filter((line) => line.startsWith('backbone.'))
    expect(lines).toHaveLength(22)
    expect(lines).toContainEqual(
      expect.stringMatching(/^backbone\.layers\.1\.mixer\.in_proj\.weight +F32 +\[256, 64\] +65\.5 kB$/),
    )
  })

  test('as JSON', async () => {
    const json = JSON.parse(await output('inspect', run, '--json')) as {
      config: { width: number }
      state: object
      tensors: { name: string; numbers: number; bytes: number }[]
    }
    expect(json.config.width).toBe(32)
    expect(json.state).toEqual({ fixed: 4 * (3 * 80 + 64 * 8), eachToken: 0 })
    expect(json.tensors.every(({ numbers, bytes }) => bytes === 4 * numbers)).toBe(true)
    expect(json.tensors.map(({ name }) => name)).toContain('backbone.layers.0.mixer.A_log')
  })

  test('of a file with 150,000 tensors', async () => {
    const many = join(folder, 'many')
    await mkdir(many)
    const place = '{"dtype":"F32","shape":[0],"data_offsets":[0,0]}'
    const header = `{${Array.from({ length: 150_000 }, (_, i) => `"t${i}":${place}`).join()}}`
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    await writeFile(join(many, 'model.safetensors'), Buffer.concat([length, Buffer.from(header)]))
    await copyFile(join(published, 'config.json'), join(many, 'config.json'))
    const { code, stdout, stderr } = await cli.run('inspect', many, '--tensors')
    expect(stderr).toMatch(/no place for t0, .*\(150000\)/)
    expect(stdout).toContain('t149999')
    expect(code).toBe(0)
  })

  test('of a file that is none of weights', async () => {
    const { code, stderr } = await cli.run('inspect', join(published, 'config.json'))
    expect(stderr).toMatch(/\[config\.json\] not a file of weights.*found JSON text/)
    expect(code).toBe(1)
  })

  test('nothing there', async () => {
    const { code, stderr } = await cli.run('inspect', join(folder, 'no'))
    expect(stderr).toMatch(/^error: \[.*no\] no such model; expected a folder, a file, or a hub id.*\n$/)
    expect(code).toBe(1)
  })
})
