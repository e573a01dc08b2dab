/** Where a run lives if nobody says. Node only. */
import { makeFolder, writeError } from '../checkpoints/atomic.ts'
import { basename, extname, join, mkdir, resolve } from '../platform.ts'

/** Makes and returns the first of runs/<data>-1, runs/<data>-2, … that was not there. */
export async function nextRunFolder(data: string, parent = 'runs'): Promise<string> {
  const file = basename(resolve(data))
  const name =
    file.slice(0, file.length - extname(file).length).replaceAll(/[^\p{L}\p{N}._-]+/gu, '-') || 'text'
  await makeFolder(parent)
  for (let n = 1; ; n++) {
    const folder = join(parent, `${name}-${n}`)
    try {
      await mkdir(folder)
      return folder
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(cause, folder)
    }
  }
}
