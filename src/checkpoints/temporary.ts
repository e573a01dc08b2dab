/**
 * Names for files that are being written. They say which process writes, so that what a killed one left is
 * known from what another one is about to finish. Node only.
 */
import { basename, dirname, hostname, join, readdir, rm, stat } from '../platform.ts'
import { crc32, showCrc32 } from './crc32.ts'
import { beganAt, isGone } from './processes.ts'

/** What another machine, or a process that may live, has not touched for so long is left, too: a day. */
const FORGOTTEN = 86_400_000
/** Names may have 255 bytes. */
const KEPT_OF_NAME = 48

const hostTag = (): string => showCrc32(crc32(new TextEncoder().encode(hostname())))
const prefixOf = (path: string): string => `.${basename(path).slice(0, KEPT_OF_NAME)}.`

/** A new name in the folder of `path`: `.NAME.PID-BEGAN-HOST-RANDOM.tmp`. */
export function beside(path: string): string {
  const writer = `${process.pid}-${beganAt(process.pid) ?? ''}-${hostTag()}-${crypto.randomUUID().slice(0, 8)}`
  return join(dirname(path), `${prefixOf(path)}${writer}.tmp`)
}

/**
 * Removes what killed writers left in a folder: beside the file at `path`, or, without one, all of it: the
 * caller has the folder's lock then. Nothing that a process that lives is writing is touched.
 */
export async function removeAbandoned(folder: string, path?: string): Promise<void> {
  const prefix = path === undefined ? '.' : prefixOf(path)
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix)) continue
    const left = join(folder, name)
    if (await isAbandoned(left, path === undefined))
      await rm(left, { recursive: true, force: true }).catch(() => undefined)
  }
}

async function isAbandoned(path: string, locked: boolean): Promise<boolean> {
  // Former versions gave pid and a count. A pid may have come back since.
  const found = /\.(\d+)-(?:\d+|(\d*)-([0-9a-f]{8})-[0-9a-f]{8})\.tmp$/.exec(path)
  if (!found) return false
  const [, pid, began, host] = found
  if (locked && host === undefined) return true
  const here = host === undefined || host === hostTag()
  const writer = { pid: Number(pid), host: here ? hostname() : '', ...(began && { began }) }
  const gone = isGone(writer)
  if (gone !== undefined) return gone
  const touched = (await stat(path).catch(() => undefined))?.mtimeMs
  return touched !== undefined && Date.now() - touched > FORGOTTEN
}
