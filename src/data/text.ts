/** Text files as bytes. Node only. */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { Corpus } from './batches.ts'

/** Endings of the files that a folder's text is read from. */
const TEXT = /\.(txt|md|text)$/i

export interface TextCorpus extends Corpus {
  readonly tokens: Uint8Array
  readonly files: readonly string[]
  /** SHA-256 of all bytes. */
  readonly hash: string
}

/** Reads a text file, or all text files below a folder in the order of their paths, each a document. */
export async function readText(path: string): Promise<TextCorpus> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new ConfigError('no such file or folder', { where: '--data', found: path, cause })
  })
  const files = info.isDirectory() ? await textFiles(path) : [path]
  if (files.length === 0) {
    throw new ConfigError('the folder has no text', { where: '--data', expected: '.txt or .md files', found: path })
  }
  const parts = await Promise.all(files.map((file) => readFile(file)))
  const tokens = new Uint8Array(Buffer.concat(parts))
  const starts: number[] = []
  let start = 0
  for (const part of parts) {
    if (part.length > 0) starts.push(start)
    start += part.length
  }
  if (tokens.length === 0) throw new ConfigError('the text is empty', { where: '--data', found: path })
  return { tokens, starts, files, hash: createHash('sha256').update(tokens).digest('hex') }
}

/** The last part of a text for validation, the rest for training. */
export function splitCorpus(corpus: Corpus & { readonly tokens: Uint8Array }, part: number): { training: Corpus; validation: Uint8Array } {
  const size = corpus.tokens.length
  const cut = size - Math.floor(size * part)
  return {
    training: { tokens: corpus.tokens.subarray(0, cut), starts: corpus.starts.filter((start) => start < cut) },
    validation: corpus.tokens.subarray(cut),
  }
}

async function textFiles(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true })
  return found
    .filter((entry) => entry.isFile() && TEXT.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
}
