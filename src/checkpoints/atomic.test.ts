import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CheckpointError } from '../errors.ts'
import {
  expectWritable,
  linkAtomically,
  makeFolder,
  writeAtomically,
  writeError,
  writeFolderAtomically,
} from './atomic.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-files-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const text = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')

test('writes and replaces files and folders, and leaves nothing else', async () => {
  await writeAtomically(join(folder, 'file'), 'old')
  await writeAtomically(join(folder, 'file'), 'new')
  await writeFolderAtomically(join(folder, 'kept'), { a: '1', b: '2' })
  await writeFolderAtomically(join(folder, 'kept'), { a: '3' })
  expect(await text('file')).toBe('new')
  expect(await readdir(join(folder, 'kept'))).toEqual(['a'])
  expect(await text('kept/a')).toBe('3')
  expect((await readdir(folder)).toSorted()).toEqual(['file', 'kept'])
})

test('links, and links again to the same file', async () => {
  await writeFile(join(folder, 'a'), 'text')
  await linkAtomically(join(folder, 'a'), join(folder, 'b'))
  await linkAtomically(join(folder, 'a'), join(folder, 'b'))
  expect((await stat(join(folder, 'b'))).ino).toBe((await stat(join(folder, 'a'))).ino)
  expect((await readdir(folder)).toSorted()).toEqual(['a', 'b'])
})

// Some file systems have no hard links.
const refuse = (): Promise<void> => Promise.reject(Object.assign(new Error('no links'), { code: 'EPERM' }))

test('copies where links are refused', async () => {
  await writeFile(join(folder, 'a'), 'text')
  await linkAtomically(join(folder, 'a'), join(folder, 'b'), refuse)
  expect(await text('b')).toBe('text')
  expect((await stat(join(folder, 'b'))).ino).not.toBe((await stat(join(folder, 'a'))).ino)
})

test('a file in the place of a folder is a typed error, and the old file stays', async () => {
  await writeFile(join(folder, 'file'), 'old')
  await expect(makeFolder(join(folder, 'file/run'))).rejects.toThrow(CheckpointError)
  await expect(writeAtomically(join(folder, 'file/x'), 'new')).rejects.toThrow(
    /a file is in the place of a folder/,
  )
  expect(await text('file')).toBe('old')
})

test('makes all folders that are missing, by several at once too', async () => {
  const deep = join(folder, 'a/b/c')
  await Promise.all(Array.from({ length: 8 }, () => makeFolder(`${deep}/`)))
  await makeFolder(deep)
  expect((await stat(deep)).isDirectory()).toBe(true)
})

// Node 20's recursive mkdir never returns there.
test.skipIf(process.platform !== 'linux')(
  'no folder can be made below /proc, which is said at once',
  async () => {
    for (const path of ['/proc/x', '/proc/x/y'])
      await expect(makeFolder(path)).rejects.toThrow(`[${path}] no file or folder can be made here`)
  },
)

// Renamed over, /dev/null would be a file for every program of the machine.
test.skipIf(process.platform === 'win32')('no device and no pipe becomes a file', async () => {
  const pipe = join(folder, 'pipe')
  const program = 'mkfifo'
  execFileSync(program, [pipe])
  const device = join(folder, 'device')
  await symlink('/dev/null', device)
  for (const path of [pipe, device]) {
    const named = `[${path}] a device, a pipe or a socket is in the place of the file`
    await expect(expectWritable(path)).rejects.toThrow(named)
    await expect(writeAtomically(path, 'text')).rejects.toThrow(named)
    await expect(writeFolderAtomically(path, { a: '1' })).rejects.toThrow(named)
    await expect(linkAtomically(device, path)).rejects.toThrow(named)
    expect((await stat(path)).isFile()).toBe(false)
  }
  expect((await readdir(folder)).toSorted()).toEqual(['device', 'pipe'])
})

test('a full disk is a typed error that says what to do', () => {
  const error = writeError(Object.assign(new Error('write'), { code: 'ENOSPC' }), 'runs/a')
  expect(error).toBeInstanceOf(CheckpointError)
  expect(error.message).toMatch(/\[runs\/a\] the disk is full.*Free some space/)
  const other = new Error('not from the file system')
  expect(writeError(other, 'runs/a')).toBe(other)
})
