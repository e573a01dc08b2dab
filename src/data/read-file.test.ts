import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { onlyIn } from '../../test/left-out.ts'
import { ConfigError } from '../errors.ts'
import { piecesOf, readWhole, regularFile } from './read-file.ts'
import { readTable } from './read-table.ts'
import { readText } from './read-text.ts'

const MAKE_PIPE = 'mkfifo'
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-files-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('texts are read in pieces, to the same bytes and the same hash', async () => {
  const path = join(folder, 'text.txt')
  await writeFile(path, 'the whale and the sea')
  const whole = await readText(path)
  expect(new TextDecoder().decode(whole.tokens as Uint8Array)).toBe('the whale and the sea')
  for (const piece of [1, 4, 21, 100]) expect(await readText(path, piece)).toEqual(whole)
  await symlink(path, join(folder, 'link.txt'))
  expect((await readText(join(folder, 'link.txt'))).hash).toBe(whole.hash)
})

test('a file that is larger than may be, or becomes shorter, is an error', async () => {
  const path = join(folder, 'short.txt')
  await writeFile(path, 'abcdef')
  await expect(regularFile(path, 5)).rejects.toThrow(/too large; expected up to 5 bytes, found 6/)
  await expect(readWhole(path, 5)).rejects.toThrow(/too large/)
  expect(await readWhole(path, 6)).toEqual(Buffer.from('abcdef'))
  const file = await regularFile(path)
  await truncate(path, 3)
  const read = async (): Promise<void> => {
    for await (const _ of piecesOf(file, 2)) void _
  }
  await expect(read()).rejects.toThrow(/became shorter while it was read; expected 6 bytes, found 3/)
})

// What never ends is refused before a byte of it is read.
test.skipIf(process.platform === 'win32')('devices and pipes are refused', { timeout: 5000 }, async () => {
  const pipe = join(folder, 'pipe.csv')
  execFileSync(MAKE_PIPE, [pipe])
  const zero = join(folder, 'zero.csv')
  await symlink('/dev/zero', zero)
  for (const path of ['/dev/zero', pipe, zero]) {
    await expect(readText(path)).rejects.toThrow(ConfigError)
    await expect(readText(path)).rejects.toThrow(`[${path}] not a regular file`)
  }
  for (const path of [pipe, zero]) {
    await expect(readTable(path)).rejects.toThrow(/not a regular file/)
    await expect(readWhole(path)).rejects.toThrow(/not a regular file/)
  }
})

test('a text beyond 2 GiB', { timeout: 120_000, ...onlyIn('long') }, async () => {
  const path = join(folder, 'large.txt')
  await writeFile(path, 'begin')
  await truncate(path, 2 ** 31 + 5)
  const { tokens } = await readText(path)
  expect([tokens.length, tokens[0], tokens[2 ** 31 + 4]]).toEqual([2 ** 31 + 5, 98, 0])
  await rm(path)
})
