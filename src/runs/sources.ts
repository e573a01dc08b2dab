/** Reads what tasks are trained on. Node only. */
import { readTable } from '../data/read-table.ts'
import { readText } from '../data/read-text.ts'
import type { TextCorpus } from '../data/text.ts'
import { encodeCorpus, type Origin } from './from.ts'
import type { Sources } from '../tasks/definition.ts'

/** Each way to read a path, by what a task says that it reads. All give the SHA-256 of what they read. */
const READERS: {
  readonly [K in keyof Sources]: (path: string) => Promise<Sources[K] & { readonly hash: string }>
} = {
  text: readText,
  table: readTable,
}

/** The data at a path; a text as the tokens of the model that is trained on, if there is one. */
export const readSource = async <K extends keyof Sources>(
  kind: K,
  path: string,
  origin: Origin | undefined,
): Promise<Sources[K] & { readonly hash: string }> => {
  const source = await READERS[kind](path)
  return origin && isText(source) ? { ...source, ...encodeCorpus(source, origin, path) } : source
}

const isText = (source: object): source is TextCorpus => 'tokens' in source
