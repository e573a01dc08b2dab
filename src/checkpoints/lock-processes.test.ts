/** Processes that all find the same stale lock, and processes that die with it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bundle } from '../../scripts/run-ts.mjs'
import { onlyIn } from '../../test/left-out.ts'

let module = ''
let folder = ''
beforeAll(async () => {
  module = await bundle('src/checkpoints/lock.ts')
  folder = await mkdtemp(join(tmpdir(), 'sidewinder-locks-'))
})
afterAll(async () => {
  await rm(module)
  await rm(folder, { recursive: true, force: true })
})

/** Tries to take the lock when it is told to, and holds it until it is told to let go. */
function start(path: string): ChildProcess {
  const code = `
    import { claimLock } from ${JSON.stringify(module)}
    let release
    process.on('message', async (message) => {
      if (message === 'release') release?.(), release = undefined
      else {
        const claim = await claimLock(${JSON.stringify(path)})
        release = claim.release
        process.send(release !== undefined)
      }
    })`
  return spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
}

const answer = async (child: ChildProcess): Promise<boolean> => {
  const [won] = (await once(child, 'message')) as [boolean]
  return won
}

async function compete(name: string, rounds: number, contenders: number, kills: number): Promise<void> {
  const path = join(folder, name)
  let children = Array.from({ length: contenders }, () => start(path))
  const stale = (round: number): Promise<void> =>
    writeFile(path, JSON.stringify({ pid: 2 ** 30 + round, host: hostname() }))
  await stale(0)
  for (let round = 1; round <= rounds; round++) {
    for (const child of children) child.send('take')
    const won = await Promise.all(children.map(answer))
    expect(won.filter(Boolean), `round ${round}`).toHaveLength(1)
    const winner = children[won.indexOf(true)]
    if (round <= kills) {
      // The lock is left by a real process, and the next round finds it so.
      winner.kill('SIGKILL')
      await once(winner, 'exit')
      children = children.map((child) => (child === winner ? start(path) : child))
    } else {
      winner.send('release')
      await expect.poll(() => readdir(folder)).toEqual([])
      await stale(round)
    }
  }
  await rm(path)
  for (const child of children) child.kill('SIGKILL')
  expect(await readdir(folder)).toEqual([])
}

test('of many processes that find a stale lock at once, exactly one takes it', () => compete('few', 20, 6, 3))

test('again and again', { ...onlyIn('long'), timeout: 300_000 }, () => compete('many', 1000, 12, 50))
