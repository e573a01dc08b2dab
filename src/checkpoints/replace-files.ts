/**
 * A folder whose files are replaced together. The new ones are written in a folder of their own inside. One
 * rename then makes that the folder's content: from there on readers of ours (`files.ts`) take what is in it
 * first. At last the files move into their places, where other programs look. A writer that was killed in
 * between is completed by the next one. Node only.
 */
import { CheckpointError } from '../errors.ts'
import { join, mkdir, readdir, rename, rm } from '../platform.ts'
import { flushFolder, makeFolder, writeDurably, writeError, type FileContent } from './atomic.ts'
import { withLock } from './lock.ts'
import { COMMITTED } from './replaced.ts'
import { removeAbandoned } from './temporary.ts'

/** What is being written: nobody reads it. */
const STAGED = '.sidewinder-new.tmp'
const LOCK = '.sidewinder-lock'

/**
 * Writes all files into a folder, or changes nothing. `check` may throw, with the folder as the last writer
 * meant it. One writer at a time.
 *
 * @throws CheckpointError if something cannot be written
 */
export async function replaceFiles(
  folder: string,
  files: ReadonlyMap<string, FileContent>,
  check: () => Promise<void>,
): Promise<void> {
  await makeFolder(folder)
  await withLock(join(folder, LOCK), async () => {
    await moveIntoPlace(folder)
    await rm(join(folder, STAGED), { recursive: true, force: true })
    await removeAbandoned(folder)
    await check()
    try {
      await stage(join(folder, STAGED), files)
      await rename(join(folder, STAGED), join(folder, COMMITTED))
      await flushFolder(folder)
    } catch (cause) {
      await rm(join(folder, STAGED), { recursive: true, force: true }).catch(() => undefined)
      throw writeError(cause, folder)
    }
    await moveIntoPlace(folder)
  })
}

async function stage(path: string, files: ReadonlyMap<string, FileContent>): Promise<void> {
  await mkdir(path)
  for (const [name, content] of files) await writeDurably(join(path, name), content)
  await flushFolder(path)
}

/** Completes what was decided. Doing part of it twice does no harm. */
async function moveIntoPlace(folder: string): Promise<void> {
  const committed = join(folder, COMMITTED)
  const names = await readdir(committed).catch(() => undefined)
  if (!names) return
  try {
    for (const name of names) await rename(join(committed, name), join(folder, name))
    await flushFolder(folder)
    await rm(committed, { recursive: true, force: true })
  } catch (cause) {
    throw new CheckpointError('the files are saved, but cannot all be moved to where other programs look', {
      where: committed,
      found: (cause as NodeJS.ErrnoException).code,
      cause,
      hint: 'Sidewinder reads them. Save again, once the files of the folder can be replaced',
    })
  }
}
