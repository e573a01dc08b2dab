/** Commands that are interrupted, and what they write to; each in a process of its own. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openCliModels, WASM, type CliModels } from '../suites/cli-models.ts'

let models: CliModels
beforeAll(async () => {
  models = await openCliModels()
})
afterAll(() => models.remove())

const ENDLESS = ['--max-tokens', '1000000000', '--temperature', '1', ...WASM]

describe.skipIf(process.platform === 'win32')('a command that goes on for long', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends on %s, with exit code %i', async (signal, code) => {
    const running = models.cli.start('generate', models.run, '--prompt', 'a', ...ENDLESS)
    await running.seen(/./)
    running.child.kill(signal)
    expect(await running.finished).toMatchObject({ code, stderr: '' })
  })

  test('ends when nobody reads its output', async () => {
    const running = models.cli.start('generate', models.run, '--prompt', 'a', ...ENDLESS)
    await running.seen(/./)
    running.child.stdout!.destroy()
    expect(await running.finished).toMatchObject({ code: 141, stderr: '' })
  })

  test('of chat: the first Ctrl-C ends the answer, the next one the chat', async () => {
    const running = models.cli.start('chat', models.published, ...ENDLESS)
    running.child.stdin!.write('hello\n')
    await running.seen(/./)
    running.child.kill('SIGINT')
    await running.seen(/\n$/)
    running.child.stdin!.write('/help\n')
    await running.seen(/\/quit/)
    running.child.kill('SIGINT')
    expect(await running.finished).toMatchObject({ code: 130, stderr: '' })
  })
})

test.skipIf(!existsSync('/dev/full'))('a full disk at standard output is an error that says so', () => {
  const { file } = models.cli
  const run = spawnSync('sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, file, 'inspect', models.run])
  expect(run.stderr.toString()).toMatch(/^error: \[standard output\] the disk is full/)
  expect(run.status).toBe(1)
})

describe('words', () => {
  test('a mistyped run folder is answered at once, with what is there', async () => {
    await mkdir(join(models.folder, 'runs', 'book-1'), { recursive: true })
    const args = [models.cli.file, 'generate', 'runs/book-l', '--prompt', 'a', ...WASM]
    const { status, stderr } = spawnSync(process.execPath, args, { cwd: models.folder })
    expect(stderr.toString()).toMatch(
      /\[runs\/book-l\] no such model; .* found book-1 there\. The hub was not asked/,
    )
    expect(status).toBe(1)
  })

  test('where a state cannot be saved is said before any text is made', async () => {
    const target = join(models.folder, 'missing', 'state')
    const { code, stdout, stderr } = await models.cli.run(
      'generate',
      models.run,
      '--prompt',
      'a',
      '--save',
      target,
    )
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/no file or folder can be made here/)
  })

  test('--stop takes one text, and the model after it is the model', async () => {
    const args = ['generate', '--stop', 'User:', models.run, '--prompt', 'a', '--max-tokens', '3', ...WASM]
    expect((await models.cli.run(...args)).code).toBe(0)
  })

  test('/quit ends a chat, and other words with a slash are not for the model', async () => {
    const { code, stderr } = await models.cli.feed(
      '/undoo\n/quit\nhello\n',
      'chat',
      models.published,
      ...WASM,
    )
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'There is no /undoo. /help says what there is.\n' })
  })
})

test('names of a file reach no terminal as they are, and there may be many', async () => {
  const folder = join(models.folder, 'names')
  await mkdir(folder)
  const file = await readFile(join(models.run, 'model.safetensors'))
  const size = Number(file.readBigUInt64LE(0))
  const header = JSON.parse(file.toString('utf8', 8, 8 + size)) as Record<string, object>
  const end = file.length - 8 - size
  header['\u001b[2Jx'] = { dtype: 'F32', shape: [0], data_offsets: [end, end] }
  for (let i = 0; i < 150_000; i++) header[`t${i}`] = { dtype: 'F32', shape: [0], data_offsets: [end, end] }
  const text = Buffer.from(JSON.stringify(header))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(text.length))
  await writeFile(join(folder, 'model.safetensors'), Buffer.concat([length, text, file.subarray(8 + size)]))
  const config = await readFile(join(models.run, 'config.json'), 'utf8')
  await writeFile(join(folder, 'config.json'), config)
  const listed = await models.cli.run('inspect', folder, '--tensors')
  expect(listed.code).toBe(0)
  expect(listed.stdout).toContain('\\u001b[2Jx')
  expect(listed.stdout).not.toContain('\u001b')
  await writeFile(
    join(folder, 'config.json'),
    config.replace(/"model_type": "[^"]*"/, '"model_type": "\\u001b[2Jx"'),
  )
  const { stderr } = await models.cli.run('inspect', folder)
  expect(stderr).toContain('\\u001b[2Jx')
  expect(stderr).not.toContain('\u001b')
  expect((await readdir(folder)).toSorted()).toEqual(['config.json', 'model.safetensors'])
})
