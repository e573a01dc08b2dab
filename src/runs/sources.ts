/** Reads what tasks are trained on. Node only. */
import { readTable } from '../data/read-table.ts'
import { readText } from '../data/read-text.ts'
import type { Sources } from '../tasks/definition.ts'

/** Each way to read a path, by what a task says that it reads. All give the SHA-256 of what they read. */
const READERS: {
  readonly [K in keyof Sources]: (path: string) => Promise<Sources[K] & { readonly hash: string }>
} = {
  text: readText,
  table: readTable,
}

export const readSource = <K extends keyof Sources>(
  kind: K,
  path: string,
): Promise<Sources[K] & { readonly hash: string }> => READERS[kind](path)
