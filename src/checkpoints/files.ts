/** A model's folder: on disk in Node, or in memory anywhere. */
import { CheckpointError } from '../errors.ts'
import { clip } from './json.ts'
import { decodeText, sourceOf, type FileSource } from './source.ts'

/** Text files (configurations, tokenizers) larger than this are refused. */
const MAX_TEXT = 256 * 2 ** 20

export interface Folder {
  /** Opens a file of the folder. `name` is a plain name: no path. */
  open(name: string): Promise<FileSource>
  /** The text of a UTF-8 file. */
  text(name: string): Promise<string>
}

/**
 * Opens a folder by its path (Node), or one given as files by name (browsers: from a file picker or a download).
 *
 * @throws CheckpointError naming the file that is absent or cannot be read
 */
export function openFolder(folder: string | ReadonlyMap<string, Uint8Array | Blob>): Promise<Folder> {
  const open = async (name: string): Promise<FileSource> => {
    if (/[/\\\0]/.test(name) || name === '' || name === '.' || name === '..') {
      throw new CheckpointError('a file name may not leave the folder', { where: clip(name) })
    }
    if (typeof folder === 'string') return openFile(`${folder.replace(/[/\\]$/, '')}/${name}`)
    const file = folder.get(name)
    if (!file) throw new CheckpointError('the file is missing', { where: name })
    return sourceOf(file)
  }
  const text = async (name: string): Promise<string> => {
    const file = await open(name)
    if (file.size > MAX_TEXT) {
      throw new CheckpointError('the file is too large', {
        where: name,
        expected: `at most ${MAX_TEXT} bytes`,
        found: file.size,
      })
    }
    return decodeText(await file.read(0, file.size), name)
  }
  return Promise.resolve({ open, text })
}

/** A file on disk. It is opened for each part that is read, so that nothing needs to be closed. Node only. */
async function openFile(path: string): Promise<FileSource> {
  const { open, stat } = await import('node:fs/promises')
  const found = await stat(path).catch((cause: unknown) => {
    throw new CheckpointError('the file cannot be opened', { where: path, cause, found: reasonOf(cause) })
  })
  if (!found.isFile()) throw new CheckpointError('not a file', { where: path })
  return {
    size: found.size,
    async read(start, end) {
      const bytes = new Uint8Array(end - start)
      const file = await open(path, 'r').catch((cause: unknown) => {
        throw new CheckpointError('the file cannot be opened', { where: path, cause, found: reasonOf(cause) })
      })
      try {
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

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))
