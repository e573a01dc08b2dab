/** One process at a time in a run folder. Node only. */
import { StateError } from '../errors.ts'
import { removeIf, writeError } from '../checkpoints/atomic.ts'
import { hostname, join, link, readFile, readFileSync, rm, rmSync, writeFile } from '../platform.ts'

interface Holder {
  readonly pid: number
  readonly host: string
  /** When the process began, as its system counts: a pid comes back, the pair does not. */
  readonly began: string | undefined
}

/** Locks that this process has, or is about to take. */
const held = new Set<string>()

/** Takes the run folder's lock, also one whose process is gone. Returns what gives it back. */
export async function lockFolder(folder: string): Promise<() => void> {
  const path = join(folder, '.lock')
  const claim = join(folder, `.lock.${process.pid}-${crypto.randomUUID()}.tmp`)
  const mine: Holder = { pid: process.pid, host: hostname(), began: beganAt(process.pid) }
  // Before anything is awaited: others in this process would take a fresh lock with their own pid for one
  // that an earlier process left.
  if (held.has(path)) throw inUse(path, mine)
  held.add(path)
  try {
    await writeFile(claim, JSON.stringify(mine))
    await take(path, claim)
  } catch (cause) {
    held.delete(path)
    throw writeError(cause, path)
  } finally {
    await rm(claim, { force: true }).catch(() => undefined)
  }
  return () => {
    if (held.delete(path)) rmSync(path, { force: true })
  }
}

async function take(path: string, claim: string): Promise<void> {
  for (let attempt = 0; attempt < 10; attempt++) {
    if (await appears(path, claim)) return
    const found = await readFile(path, 'utf8').catch(() => undefined)
    if (found === undefined) continue
    const holder = parse(found)
    if (holder && alive(holder)) throw inUse(path, holder)
    const isStale = async (file: string): Promise<boolean> => (await readFile(file, 'utf8')) === found
    await removeIf(isStale, path, `${claim}.stale.tmp`)
  }
  throw inUse(path, undefined)
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

function inUse(path: string, holder: Holder | undefined): StateError {
  const by = holder
    ? `process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}`
    : 'another process'
  return new StateError('the run is in use', {
    where: path,
    found: by,
    hint: 'Wait until it ends, or train in another folder. If it does not run any more, remove the file',
  })
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host, began } = JSON.parse(text) as Partial<Holder>
    return Number.isSafeInteger(pid) && pid! > 0 && typeof host === 'string'
      ? { pid: pid!, host, began }
      : undefined
  } catch {
    return undefined
  }
}

function alive({ pid, host, began }: Holder): boolean {
  // What runs on another machine cannot be asked.
  if (host !== hostname()) return true
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  return began === undefined || beganAt(pid) === began
}

/**
 * Linux: field 22 of /proc/pid/stat; undefined for a process that is dead but not yet fetched by its parent.
 */
function beganAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
