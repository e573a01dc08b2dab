/** The cache on disk, shared with the Python client. Node only. */
import { CheckpointError } from '../../errors.ts'
import {
  basename,
  dirname,
  join,
  link,
  nodeModule,
  open,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from '../../platform.ts'
import { readWhole } from '../../data/read-file.ts'
import { linkAtomically, makeFolder, writeAll, writeAtomically, writeError } from '../atomic.ts'
import { namesIn, openFile } from '../files.ts'
import type { FileSource } from '../source.ts'
import { isCommit } from './id.ts'
import { withLock } from '../lock.ts'
import type { Store, Unfinished } from './store.ts'

/** Bytes of a commit's name, or of a mark. */
const MAX_NOTE = 4096

/**
 * `makeLink` makes the symbolic links of snapshots; where it is refused, files get a second name, or are
 * copied.
 */
export function openDisk(cache: string, repository: string, makeLink: typeof symlink = symlink): Store {
  const folder = `models--${repository.replace('/', '--')}`
  const where = join(cache, folder)
  const refOf = (revision: string): string => join(where, 'refs', ...revision.split('/'))
  const fileOf = (commit: string, name: string): string => join(where, 'snapshots', commit, name)
  const blobOf = (etag: string): string => join(where, 'blobs', etag)
  // Below the locks, where the Python client looks for no models.
  const markOf = (etag: string): string => join(cache, '.locks', '.checked', folder, etag)
  return {
    where,
    async readRef(revision) {
      const commit = (await noteAt(refOf(revision)))?.trim() ?? ''
      return isCommit(commit) ? commit : undefined
    },
    async writeRef(revision, commit) {
      await makeFolder(dirname(refOf(revision)))
      await writeAtomically(refOf(revision), commit)
    },
    names: (commit) => namesIn(join(where, 'snapshots', commit)).catch(() => []),
    async open(commit, name) {
      const path = fileOf(commit, name)
      return (await sizeOf(path)) === undefined ? undefined : openFile(path)
    },
    async blobOf(commit, name) {
      const path = await realpath(fileOf(commit, name)).catch(() => '')
      return basename(dirname(path)) === 'blobs' ? basename(path) : undefined
    },
    isAbsent: async (commit, name) => (await sizeOf(join(where, '.no_exist', commit, name))) !== undefined,
    async isChecked(etag) {
      const mark = await noteAt(markOf(etag))
      return mark !== undefined && mark === (await stampOf(blobOf(etag)))
    },
    async markChecked(etag) {
      const stamp = await stampOf(blobOf(etag))
      const write = async (): Promise<void> => {
        await makeFolder(dirname(markOf(etag)))
        await writeFile(markOf(etag), stamp ?? '')
      }
      // A cache may be read-only.
      await write().catch(() => undefined)
    },
    async link(commit, name, etag) {
      await makeFolder(dirname(fileOf(commit, name)))
      const relative = join(...name.split('/').map(() => '..'), '..', 'blobs', etag)
      await linkAtomically(blobOf(etag), fileOf(commit, name), (blob, path) =>
        makeLink(relative, path).catch(() => link(blob, path)),
      )
    },
    blobSize: (etag) => sizeOf(blobOf(etag)),
    unfinished: (etag) => openUnfinished(blobOf(etag)),
    async exclusively(etag, body, signal, onWait) {
      const locks = join(cache, '.locks', folder)
      await makeFolder(locks)
      return withLock(join(locks, `${etag}.sidewinder`), body, signal, onWait)
    },
  }
}

async function openUnfinished(blob: string): Promise<Unfinished> {
  const path = `${blob}.incomplete`
  await makeFolder(dirname(path))
  const { O_CREAT, O_RDWR } = nodeModule('node:fs').constants
  const file = await writing(path, open(path, O_RDWR | O_CREAT))
  const before: FileSource = await openFile(path).catch(async (cause: unknown) => {
    await file.close()
    throw cause
  })
  let length = before.size
  return {
    before,
    async write(bytes, at) {
      await writing(path, writeAll(file, bytes, at))
      length = at + bytes.length
    },
    async empty() {
      await writing(path, file.truncate(0))
      length = 0
    },
    keep: () => file.close(),
    async finish() {
      try {
        const { size } = await file.stat()
        if (size !== length) {
          throw new CheckpointError('another program writes the same file', {
            where: path,
            expected: `${length} bytes`,
            found: size,
            hint: 'Remove the file, and try again',
          })
        }
        await writing(path, file.sync())
      } finally {
        await file.close()
      }
      await writing(blob, rename(path, blob))
    },
    async discard() {
      await file.close()
      await rm(path, { force: true })
    },
  }
}

/** The text of a small file of the cache, if it can be read. */
const noteAt = async (path: string): Promise<string | undefined> =>
  readWhole(path, MAX_NOTE).then(
    (bytes) => new TextDecoder().decode(bytes),
    () => undefined,
  )

/** What changes when a file is written. */
async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found && `${found.size} ${found.mtimeMs}`
}

async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined)
  return found?.isFile() ? found.size : undefined
}

function writing<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw writeError(cause, path)
  })
}
