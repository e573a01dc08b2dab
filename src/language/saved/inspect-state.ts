/** What is in a saved state, without a model to take it. */
import { openFolder } from '../../checkpoints/files.ts'
import { readSafetensors } from '../../checkpoints/safetensors.ts'
import { STATE_FORMAT } from './saved-state.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'

export interface InspectedState {
  /** As it stands in the file: version, architecture, tokens seen, tokenizer. */
  readonly metadata: Readonly<Record<string, string>>
  readonly tensors: readonly { readonly name: string; readonly shape: Shape; readonly bytes: number }[]
}

/** The file on disk as a saved state; undefined if it is something else. */
export async function inspectState(path: string): Promise<InspectedState | undefined> {
  const [, parent, name] = /^(.*?)([^/\\]*)$/.exec(path)!
  const folder = await openFolder(parent === '' ? '.' : parent)
  const file = name === '' ? undefined : await folder.open(name).catch(() => undefined)
  const found = file && (await readSafetensors(file, path, () => {}).catch(() => undefined))
  if (found?.metadata['format'] !== STATE_FORMAT) return undefined
  const tensors = [...found].map(([key, { shape }]) => ({ name: key, shape, bytes: 4 * sizeOf(shape) }))
  return { metadata: found.metadata, tensors }
}
