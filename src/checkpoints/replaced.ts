/** How a folder is read whose files are being replaced together (`replace-files.ts`). Node only. */
import { stat } from '../platform.ts'

/** Files that have taken the place of those of their names, and did not move there yet. */
export const COMMITTED = '.sidewinder-new'
/** What tells a file from the one that takes its place; undefined if there is none. */
export async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found && identity(found)
}

export const identity = (found: {
  readonly dev: bigint
  readonly ino: bigint
  readonly size: bigint
  readonly mtimeNs: bigint
}): string => `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`
