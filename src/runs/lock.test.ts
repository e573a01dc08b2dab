import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CheckpointError, StateError } from '../errors.ts'
import { lockFolder } from './lock.ts'

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-lock-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

const writeLock = (holder: unknown): Promise<void> =>
  writeFile(join(folder, '.lock'), typeof holder === 'string' ? holder : JSON.stringify(holder))

test('one at a time', async () => {
  const unlock = await lockFolder(folder)
  await expect(lockFolder(folder)).rejects.toThrow(StateError)
  unlock()
  expect(await readdir(folder)).toEqual([])
  const again = await lockFolder(folder)
  again()
})

test('of many that try at once, one succeeds', async () => {
  await writeLock({ pid: 2 ** 30, host: hostname() })
  const tries = await Promise.allSettled(Array.from({ length: 8 }, () => lockFolder(folder)))
  expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(await readdir(folder)).toEqual(['.lock'])
  for (const each of tries) if (each.status === 'fulfilled') each.value()
})

test('a living process keeps its lock; a dead one does not', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  await once(child, 'spawn')
  await writeLock({ pid: child.pid, host: hostname() })
  await expect(lockFolder(folder)).rejects.toThrow(`process ${child.pid}`)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const unlock = await lockFolder(folder)
  unlock()
})

test.runIf(process.platform === 'linux')('a pid that came back is another process', async () => {
  await writeLock({ pid: process.ppid, host: hostname(), began: '1' })
  const unlock = await lockFolder(folder)
  unlock()
})

test('a lock of another machine is kept, one that makes no sense is not', async () => {
  await writeLock({ pid: 1, host: 'elsewhere' })
  await expect(lockFolder(folder)).rejects.toThrow(/on elsewhere.*remove the file/)
  for (const damaged of ['', 'null', '{"pid": "x"}', '{"pid": -1, "host": "a"}']) {
    await writeLock(damaged)
    const unlock = await lockFolder(folder)
    unlock()
  }
})

test.skipIf(process.platform === 'win32')('a lock that never ends is refused', async () => {
  await symlink('/dev/zero', join(folder, '.lock'))
  await expect(lockFolder(folder)).rejects.toThrow(/\.lock\] not a regular file/)
  await rm(join(folder, '.lock'))
  await writeLock('x'.repeat(100_000))
  await expect(lockFolder(folder)).rejects.toThrow(/\.lock\] the file is too large/)
})

test('a folder that is not there is a typed error', async () => {
  await expect(lockFolder(join(folder, 'missing'))).rejects.toThrow(CheckpointError)
})
