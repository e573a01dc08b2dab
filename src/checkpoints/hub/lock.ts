/** One process at a time for a blob on disk. Node only. */
import { hostname, nodeModule, readFile, rm, stat, utimes, writeFile } from '../../platform.ts'
import { removeIf, writeError } from '../atomic.ts'

/** The holder touches its lock this often; the others look at it this often. */
const BEAT = 2_000
const LOOK = 100
/** A lock that nobody touches for this long has lost its holder. */
const STALE = 15_000

/** Runs `body` with the lock file at `path`. It is given back in the end, also after errors. */
export async function withLock<T>(
  path: string,
  body: () => Promise<T>,
  signal: AbortSignal | undefined,
  onWait: () => void,
): Promise<T> {
  const mine = `${process.pid} ${hostname()} ${crypto.randomUUID()}`
  let seen = { touched: Number.NaN, since: 0 }
  for (let waited = false; !(await take(path, mine));) {
    const touched = (await stat(path).catch(() => undefined))?.mtimeMs ?? Number.NaN
    // Clocks of several machines are not compared: only whether the time on the file changes.
    if (touched !== seen.touched) seen = { touched, since: performance.now() }
    const silent = performance.now() - seen.since > STALE
    if (silent || (await isOrphan(path))) {
      const isStale = async (file: string): Promise<boolean> => (await stat(file)).mtimeMs === touched
      await removeIf(isStale, path, `${path}.${crypto.randomUUID()}`)
    } else {
      if (!waited) onWait()
      waited = true
      await nodeModule('node:timers/promises')
        .setTimeout(LOOK, undefined, signal ? { signal } : {})
        .catch((error: unknown) => {
          signal?.throwIfAborted()
          throw error
        })
    }
  }
  const beat = setInterval(() => void touch(path), BEAT)
  beat.unref()
  try {
    return await body()
  } finally {
    clearInterval(beat)
    if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true })
  }
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => undefined)
}

async function take(path: string, mine: string): Promise<boolean> {
  try {
    await writeFile(path, mine, { flag: 'wx' })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(cause, path)
    return false
  }
}

/** True if the holder was a process of this machine and is gone. */
async function isOrphan(path: string): Promise<boolean> {
  const [pid, host] = (await readFile(path, 'utf8').catch(() => '')).split(' ')
  if (host !== hostname() || !/^[1-9]\d{0,9}$/.test(pid)) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
