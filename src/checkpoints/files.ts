/** A model's folder: on disk in Node, or in memory anywhere. */
import { CheckpointError } from '../errors.ts'
import { open, readdir, stat } from '../platform.ts'
import { clip } from './json.ts'
import { COMMITTED, identity, identityOf } from './replaced.ts'
import { decodeText, sourceOf, type FileLike, type FileSource } from './source.ts'

/** Text files (tokenizers, indices of shards) larger than this are refused. */
const MAX_TEXT = 256 * 2 ** 20
/** Configurations: those that are published have some ten kilobytes. */
export const MAX_CONFIG = 16 * 2 ** 20
/** Git LFS leaves files shorter than this where it has not fetched what they stand for. */
const MAX_POINTER = 1024
const POINTER = 'version https://git-lfs.github.com/spec/'

export interface Folder {
  /** Opens a file of the folder: a plain name, or a path to a file below, as `shards/1.safetensors`. */
  open(name: string): Promise<FileSource>
  /** The text of a UTF-8 file of at most so many bytes. */
  text(name: string, most?: number): Promise<string>
  /** The names of its files, sorted: not those in folders below. */
  list(): Promise<readonly string[]>
  /** True if it has a file of that name. */
  has(name: string): Promise<boolean>
  /**
   * Of a file that it does not have: the error that says why the file may exist all the same (it is not in
   * the cache, and the hub is not asked). undefined: there is no such file.
   */
  absence(name: string): Promise<CheckpointError | undefined>
}

/** What makes up a folder; `folderOf` checks the names. */
interface FolderParts extends Pick<Folder, 'open' | 'list' | 'has'> {
  readonly absence?: Folder['absence']
}

/**
 * Opens a folder by its path (Node), or one given as files by name (browsers: from a file picker or a
 * download).
 *
 * @throws CheckpointError naming the file that is absent or cannot be read
 */
export function openFolder(folder: string | ReadonlyMap<string, FileLike>): Promise<Folder> {
  return Promise.resolve(folderOf(typeof folder === 'string' ? onDisk(folder) : inMemory(folder)))
}

export function folderOf({ open, list, has, absence }: FolderParts): Folder {
  const openInside = async (name: string): Promise<FileSource> => {
    const file = await open(inside(name))
    await expectFetched(file, name)
    return file
  }
  const text = async (name: string, most = MAX_TEXT): Promise<string> => {
    const file = await openInside(name)
    if (file.size > most) {
      throw new CheckpointError('the file is too large', {
        where: name,
        expected: `at most ${most} bytes`,
        found: file.size,
      })
    }
    return decodeText(await file.read(0, file.size), name)
  }
  return {
    open: openInside,
    text,
    list,
    has: async (name) => has(inside(name)),
    absence: async (name) => absence?.(name),
  }
}

/** Throws CheckpointError for what Git LFS leaves in place of a file that it has not fetched. */
async function expectFetched(file: FileSource, where: string): Promise<void> {
  if (file.size >= MAX_POINTER || file.size < POINTER.length) return
  const start = new TextDecoder('latin1').decode(await file.read(0, POINTER.length))
  if (start !== POINTER) return
  throw new CheckpointError('the file is a pointer of Git LFS: its content was not fetched', {
    where,
    found: `${file.size} bytes of text`,
    hint: 'Run git lfs pull in the repository, or download the file itself',
  })
}

const isPlain = (name: string): boolean => !/[/\\\0]/.test(name) && !['', '.', '..'].includes(name)

function inside(name: string): string {
  if (name.split('/').every(isPlain)) return name
  throw new CheckpointError('a file name may not leave the folder', { where: clip(name) })
}

function inMemory(files: ReadonlyMap<string, FileLike>): FolderParts {
  return {
    open: (name) => {
      const file = files.get(name)
      if (!file) throw new CheckpointError('the file is missing', { where: name })
      return Promise.resolve(sourceOf(file))
    },
    list: () => Promise.resolve([...files.keys()].filter(isPlain).toSorted()),
    has: (name) => Promise.resolve(files.has(name)),
  }
}

/**
 * A save replaces all files of a folder in one moment (`replace-files.ts`). What was opened before it and
 * what is opened after it do not belong together.
 */
function onDisk(folder: string): FolderParts {
  const base = folder.replace(/[/\\]$/, '')
  /** Where a file of that name may be, the first that is there. */
  const placesOf = (name: string): string[] => [`${base}/${COMMITTED}/${name}`, `${base}/${name}`]
  const generation = async (): Promise<string | undefined> => {
    for (const place of placesOf('config.json')) {
      const found = await identityOf(place)
      if (found !== undefined) return found
    }
    return undefined
  }
  const began = generation()
  const expectSame = async (name: string): Promise<void> => {
    if ((await generation()) !== (await began)) throw changed(`${base}/${name}`)
  }
  return {
    async open(name) {
      await began
      try {
        return await openFile(`${base}/${name}`, placesOf(name))
      } finally {
        await expectSame(name)
      }
    },
    async list() {
      const moved = await namesIn(`${base}/${COMMITTED}`).catch(() => [])
      return [...new Set([...(await namesIn(folder)), ...moved])].toSorted()
    },
    async has(name) {
      for (const place of placesOf(name)) {
        if ((await stat(place).catch(() => undefined))?.isFile()) return true
      }
      return false
    },
  }
}

const changes = new WeakSet<object>()

function changed(where: string): CheckpointError {
  const error = new CheckpointError('the files were replaced while they were read', {
    where,
    hint: 'Read them again',
  })
  changes.add(error)
  return error
}

/** Tries again while what is read is replaced by a save, after pauses that grow: half a second in all. */
export async function untilUnchanged<T>(body: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await body()
    } catch (error) {
      if (attempt === 10 || !changes.has(error as object)) throw error
      await new Promise((done) => setTimeout(done, 10 * attempt))
    }
  }
}

/** The names of the files in a folder on disk, sorted. Node only. */
export async function namesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new CheckpointError('the folder cannot be opened', { where: folder, cause, found: reasonOf(cause) })
  })
  const names: string[] = []
  for (const entry of entries) {
    const followed = entry.isSymbolicLink() ? await stat(`${folder}/${entry.name}`).catch(() => entry) : entry
    if (followed.isFile()) names.push(entry.name)
  }
  return names.toSorted()
}

/**
 * A file on disk, at the first of the places where it is. It is opened for each part that is read, so that
 * nothing needs to be closed, and must be the same file each time. Node only.
 */
export async function openFile(path: string, places: readonly string[] = [path]): Promise<FileSource> {
  const first = async <T>(look: (place: string) => Promise<T>): Promise<T> => {
    for (const [i, place] of places.entries()) {
      try {
        return await look(place)
      } catch (cause) {
        const elsewhere = (cause as NodeJS.ErrnoException).code === 'ENOENT' && i < places.length - 1
        if (elsewhere) continue
        throw new CheckpointError('the file cannot be opened', { where: path, cause, found: reasonOf(cause) })
      }
    }
    throw new CheckpointError('the file is missing', { where: path })
  }
  const found = await first((place) => stat(place, { bigint: true }))
  if (!found.isFile()) throw new CheckpointError('not a file', { where: path })
  return {
    size: Number(found.size),
    async read(start, end, staging) {
      const bytes = staging ? staging.bytes(end - start) : new Uint8Array(end - start)
      const file = await first((place) => open(place, 'r'))
      try {
        if (identity(await file.stat({ bigint: true })) !== identity(found)) throw changed(path)
        // One read gives at most 2 GiB.
        for (let done = 0; done < bytes.length;) {
          const { bytesRead } = await file.read(
            bytes,
            done,
            Math.min(bytes.length - done, 2 ** 30),
            start + done,
          )
          if (bytesRead === 0) {
            throw new CheckpointError('the file ends early', {
              where: path,
              expected: `${end} bytes`,
              found: start + done,
            })
          }
          done += bytesRead
        }
      } finally {
        await file.close()
      }
      return bytes
    },
  }
}

export const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
