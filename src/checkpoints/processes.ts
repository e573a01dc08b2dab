/** Which processes live. Node only. */
import { hostname, readFileSync } from '../platform.ts'

/**
 * Whether a process is gone; undefined if that cannot be known: it runs on another machine, or one of its
 * number lives that may be another.
 */
export function isGone(holder: {
  readonly pid: number
  readonly host: string
  readonly began?: string | undefined
}): boolean | undefined {
  if (holder.host !== hostname()) return undefined
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true
  }
  return holder.began === undefined ? undefined : beganAt(holder.pid) !== holder.began
}

/**
 * When a process began. Linux: field 22 of /proc/pid/stat; undefined elsewhere, and for a process that is
 * dead but not yet fetched by its parent.
 */
export function beganAt(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}
