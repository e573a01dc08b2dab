/** Text files as bytes. Node only. */
import { ConfigError } from '../errors.ts'
import { createHash, join, readdir, readFile, stat } from '../platform.ts'
import type { TextCorpus } from './text.ts'

/** Endings of the files that a folder's text is read from. */
const TEXT = /\.(txt|md|text)$/i

/** A text, and what it was read from. */
export interface HashedText extends TextCorpus {
  readonly files: readonly string[]
  /** SHA-256 of all bytes and of where documents start. */
  readonly hash: string
}

/** Reads a text file, or all text files below a folder in the order of their paths, each a document. */
export async function readText(path: string): Promise<HashedText> {
  const files = await reading(path, async () => ((await stat(path)).isDirectory() ? textFiles(path) : [path]))
  if (files.length === 0) {
    throw new ConfigError('the folder has no text', { where: path, expected: '.txt or .md files' })
  }
  const parts: Uint8Array[] = []
  for (const file of files) parts.push(await reading(file, () => readFile(file)))
  const tokens = new Uint8Array(Buffer.concat(parts))
  const starts: number[] = []
  let start = 0
  for (const part of parts) {
    if (part.length > 0) starts.push(start)
    start += part.length
  }
  if (tokens.length === 0) throw new ConfigError('the text is empty', { where: path })
  const hash = createHash('sha256').update(tokens).update(starts.join()).digest('hex')
  return { tokens, starts, files, hash }
}

async function textFiles(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found
    .filter((entry) => entry.isFile() && TEXT.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

async function reading<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    throw new ConfigError(code === 'ENOENT' ? 'no such file or folder' : 'cannot be read', {
      where: path,
      cause,
      ...(code === 'ENOENT' ? {} : { found: code }),
    })
  }
}
