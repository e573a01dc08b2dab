/** Tables from files. Node only. */
import { ConfigError } from '../errors.ts'
import { createHash } from '../platform.ts'
import { piecesOf, regularFile } from './read-file.ts'
import { tableFormat, tableReader, type Table } from './table.ts'

/** Bytes of a table that are read; its rows are kept in memory. */
const MAX_BYTES = 2 ** 30

/** A table, and the SHA-256 of its file. */
export interface HashedTable extends Table {
  readonly hash: string
}

/**
 * Reads a .csv, .tsv or .jsonl file in UTF-8, piece by piece.
 *
 * @throws ConfigError naming the file and the line
 */
export async function readTable(path: string): Promise<HashedTable> {
  const reader = tableReader(tableFormat(path), path)
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const hash = createHash('sha256')
  const decode = (bytes?: Uint8Array): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined })
    } catch (cause) {
      throw new ConfigError('the table is not UTF-8', { where: path, cause })
    }
  }
  for await (const bytes of piecesOf(await regularFile(path, MAX_BYTES))) {
    hash.update(bytes)
    reader.push(decode(bytes))
  }
  reader.push(decode())
  return { ...reader.finish(), hash: hash.digest('hex') }
}
