/** Text files as bytes. Node only. */
import { ConfigError } from '../errors.ts'
import { createHash, join, readdir, stat } from '../platform.ts'
import { readAll, reading, regularFile, type RegularFile } from './read-file.ts'
import type { TextCorpus } from './text.ts'

/** Endings of the files that a folder's text is read from. */
const TEXT = /\.(txt|md|text)$/i

/** A text, and what it was read from. */
export interface HashedText extends TextCorpus {
  readonly files: readonly string[]
  /** SHA-256 of all bytes and of where documents start. */
  readonly hash: string
}

/** Files that a folder of text may have below it, with those that are not read. */
const MAX_FILES = 1_000_000

/**
 * Reads a text file, or all text files below a folder in the order of their paths, each a document. They are
 * read in pieces, and never are a whole string.
 *
 * @throws ConfigError for what is no regular file, as a device or a pipe, and for what memory cannot hold
 */
export async function readText(path: string, piece?: number): Promise<HashedText> {
  const found = await reading(path, () => stat(path))
  const files = found.isDirectory() ? await textFiles(path) : [path]
  if (files.length === 0) {
    throw new ConfigError('the folder has no text', { where: path, expected: '.txt or .md files' })
  }
  const parts: RegularFile[] = []
  for (const file of files) parts.push(await regularFile(file))
  const starts: number[] = []
  let start = 0
  for (const { size } of parts) {
    if (size > 0) starts.push(start)
    start += size
  }
  if (start === 0) throw new ConfigError('the text is empty', { where: path })
  const hash = createHash('sha256')
  const tokens = await readAll(parts, (bytes) => hash.update(bytes), piece)
  return { tokens, starts, files, hash: hash.update(starts.join()).digest('hex') }
}

/** Links are not followed: they may lead in circles. */
async function textFiles(folder: string): Promise<string[]> {
  const files: string[] = []
  const folders = [folder]
  for (let seen = 0; folders.length > 0;) {
    const path = folders.pop()!
    const entries = await reading(path, () => readdir(path, { withFileTypes: true }))
    seen += entries.length
    if (seen > MAX_FILES) {
      throw new ConfigError('too many files are below the folder', {
        where: folder,
        expected: `up to ${MAX_FILES}`,
      })
    }
    for (const entry of entries) {
      if (entry.isDirectory()) folders.push(join(path, entry.name))
      else if (entry.isFile() && TEXT.test(entry.name)) files.push(join(path, entry.name))
    }
  }
  return files.toSorted()
}
