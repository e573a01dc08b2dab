import { spawnSync } from 'node:child_process'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { REPOSITORY } from '../../test/hub-server.ts'
import { withLock } from './lock.ts'
import { Bench, DIGEST } from './hub/testing.ts'

const bench = new Bench()
const lockOf = (): string =>
  join(bench.cache, '.locks', `models--${REPOSITORY.replace('/', '--')}`, `${DIGEST}.sidewinder`)

async function leave(text: string): Promise<void> {
  await mkdir(dirname(lockOf()), { recursive: true })
  await writeFile(lockOf(), text)
}

const waiting = (signal?: AbortSignal, body = () => Promise.resolve('mine')): Promise<string> =>
  withLock(lockOf(), body, signal, () => undefined)

describe('one at a time', () => {
  test('two that want the same file load it once', async () => {
    const all = await Promise.all([bench.load(), bench.load(), bench.load()])
    for (const bytes of all) expect(bytes).toBe(DIGEST)
    expect(bench.hub.requests(/^\/blob/)).toHaveLength(1)
    expect(bench.warnings.length).toBeGreaterThan(0)
    expect(bench.warnings[0]).toMatch(/waits for another process/)
    expect(await readdir(dirname(lockOf()))).toEqual([])
  })

  test('if the first fails, the second goes on', async () => {
    let failed = false
    bench.hub.intercept = (request, response) => {
      if (failed || !request.url!.startsWith('/blob/')) return false
      failed = true
      response.writeHead(403).end()
      return true
    }
    const both = await Promise.allSettled([bench.load(), bench.load()])
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
  })

  test('a body that fails gives the lock back', async () => {
    await mkdir(dirname(lockOf()), { recursive: true })
    await expect(waiting(undefined, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await readdir(dirname(lockOf()))).toEqual([])
  })
})

describe('a lock that was left', () => {
  test('by a process that is gone is taken at once', async () => {
    const { pid } = spawnSync(process.execPath, ['--version'])
    await leave(`${pid} ${hostname()} x`)
    expect(await waiting()).toBe('mine')
    expect(await readdir(dirname(lockOf()))).toEqual([])
  })

  test.each(['another machine', 'this process'])('by %s is respected', async (holder) => {
    const text = holder === 'this process' ? `${process.pid} ${hostname()} x` : '1 elsewhere x'
    await leave(text)
    await expect(waiting(AbortSignal.timeout(300))).rejects.toThrow(/timeout/)
    expect(await readFile(lockOf(), 'utf8')).toBe(text)
  })
})
