/** One process at a time in a run folder. Node only. */
import { claimLock, type Holder } from '../checkpoints/lock.ts'
import { StateError } from '../errors.ts'
import { hostname, join } from '../platform.ts'

/** Takes the run folder's lock, also one whose process is gone. Returns what gives it back. */
export async function lockFolder(folder: string): Promise<() => void> {
  const path = join(folder, '.lock')
  const claim = await claimLock(path)
  if ('release' in claim) return claim.release
  throw inUse(path, claim.holder)
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
