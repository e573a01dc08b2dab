/**
 * One process at a time, by a file that names its holder. A lock whose holder is gone is taken over. Of many
 * that find it so at once, exactly one gets it: whoever makes the file that is named after the old lock, and
 * moves it into the old one's place. Node only.
 */
import {
  basename,
  dirname,
  hostname,
  join,
  link,
  nodeModule,
  readdir,
  readFile,
  readFileSync,
  rename,
  rm,
  rmSync,
  stat,
  utimes,
  writeFile,
} from '../platform.ts'
import { readWhole } from '../data/read-file.ts'
import { writeError } from './atomic.ts'
import { crc32, showCrc32 } from './crc32.ts'
import { beganAt, isGone } from './processes.ts'
import { beside, removeAbandoned } from './temporary.ts'

/** Bytes of a lock, which has some hundred. */
const MAX_LOCK = 2 ** 16

/** Who has a lock. */
export interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, as its system counts: a pid comes back, the pair does not. */
  readonly began?: string | undefined
}

/** The lock was taken, to be given back; or somebody else has it, who may not be known. */
export type Claim = { readonly release: () => void } | { readonly holder: Holder | undefined }

/**
 * Takes the lock at `path`, also one whose holder is gone. `isLost` says of a lock that is neither surely
 * held nor surely left, by its text, whether it counts as left.
 */
export async function claimLock(
  path: string,
  isLost: (text: string) => boolean = () => false,
): Promise<Claim> {
  const me: Holder = { pid: process.pid, host: hostname(), began: beganAt(process.pid) }
  const text = JSON.stringify({ ...me, id: crypto.randomUUID() })
  const claim = beside(path)
  try {
    await writeFile(claim, text)
    const found = await take(path, claim, isLost)
    if (found !== undefined) return { holder: parse(found) }
  } catch (cause) {
    throw writeError(cause, path)
  } finally {
    await rm(claim, { force: true }).catch(() => undefined)
  }
  await removeAbandoned(dirname(path), path)
  return { release: () => isOurs(path, text) && rmSync(path, { force: true }) }
}

function isOurs(path: string, text: string): boolean {
  try {
    return readFileSync(path, 'utf8') === text
  } catch {
    return false
  }
}

/** The text of the lock that stands in the way; undefined if it was taken. */
async function take(
  path: string,
  claim: string,
  isLost: (text: string) => boolean,
): Promise<string | undefined> {
  for (;;) {
    if (await appears(path, claim)) return undefined
    const found = await textOf(path)
    if (found === undefined) continue
    if (!(await isLeft(path, found, isLost))) return found
    // Only who has this file may replace the lock, and it is itself a lock that can be left.
    const successor = `${path}.${showCrc32(crc32(new TextEncoder().encode(found)))}`
    if (successor.length > path.length + 90) return found
    if ((await take(successor, claim, isLost)) !== undefined) return found
    if ((await textOf(path)) === found) {
      await rename(successor, path)
      await removeSuccessors(path)
      return undefined
    }
    await rm(successor, { force: true })
  }
}

/** The lock appears with its content or not at all; where links are refused, by the exclusive flag. */
async function appears(path: string, claim: string): Promise<boolean> {
  try {
    await link(claim, path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
  }
  try {
    await writeFile(path, await readFile(claim), { flag: 'wx' })
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw cause
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readWhole(path, MAX_LOCK))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw cause
  }
}

/** Files named after locks that are no more. They let nobody take anything. */
async function removeSuccessors(path: string): Promise<void> {
  const name = `${basename(path)}.`
  for (const each of await readdir(dirname(path))) {
    if (each.startsWith(name) && /^([0-9a-f]{8}\.?)+$/.test(each.slice(name.length))) {
      await rm(join(dirname(path), each), { force: true })
    }
  }
}

/** How long a lock that makes no sense is waited for: it may be about to be written. */
const WRITING = 100

async function isLeft(path: string, text: string, isLost: (text: string) => boolean): Promise<boolean> {
  const holder = parse(text)
  if (holder) return isGone(holder) ?? isLost(text)
  await sleep(WRITING)
  return (await textOf(path)) === text
}

/** JSON; before, the lock of a download was the pid and the host, with a space between. */
function parse(text: string): Holder | undefined {
  const [pid, host] = text.split(' ')
  const former: Partial<Holder> = { pid: Number(pid), host }
  const { pid: number, host: name, began } = /^\d+ /.test(text) ? former : fields(text)
  const known = Number.isSafeInteger(number) && number! > 0 && typeof name === 'string'
  return known ? { pid: number!, host: name, began } : undefined
}

function fields(text: string): Partial<Holder> {
  try {
    return (JSON.parse(text) as Partial<Holder> | null) ?? {}
  } catch {
    return {}
  }
}

/** The holder touches its lock this often; the others look at it this often. */
const BEAT = 2_000
const LOOK = 100
/** A lock that nobody touches for this long has lost its holder, unless that is known to live. */
const STALE = 15_000

/** Runs `body` with the lock at `path`, once nobody else has it. It is given back also after errors. */
export async function withLock<T>(
  path: string,
  body: () => Promise<T>,
  signal?: AbortSignal,
  onWait: () => void = () => undefined,
): Promise<T> {
  const release = await waitFor(path, signal, onWait)
  const beat = setInterval(() => void touch(path), BEAT)
  beat.unref()
  try {
    return await body()
  } finally {
    clearInterval(beat)
    release()
  }
}

async function waitFor(
  path: string,
  signal: AbortSignal | undefined,
  onWait: () => void,
): Promise<() => void> {
  let seen = { text: '', touched: Number.NaN, since: 0 }
  for (let waited = false; ; waited = true) {
    const touched = (await stat(path).catch(() => undefined))?.mtimeMs ?? Number.NaN
    // Clocks of several machines are not compared: only whether the time on the file changes.
    const isLost = (text: string): boolean => {
      if (text !== seen.text || touched !== seen.touched) seen = { text, touched, since: performance.now() }
      return performance.now() - seen.since > STALE
    }
    const claim = await claimLock(path, isLost)
    if ('release' in claim) return claim.release
    if (!waited) onWait()
    await sleep(LOOK, signal)
  }
}

async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  await nodeModule('node:timers/promises')
    .setTimeout(ms, undefined, signal ? { signal } : {})
    .catch((error: unknown) => {
      signal?.throwIfAborted()
      throw error
    })
}

async function touch(path: string): Promise<void> {
  const now = new Date()
  await utimes(path, now, now).catch(() => undefined)
}
