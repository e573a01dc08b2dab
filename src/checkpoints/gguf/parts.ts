/** GGUF files that were split: the first part has the metadata, each some of the tensors. */
import { CheckpointError } from '../../errors.ts'
import type { Folder } from '../files.ts'
import { clip } from '../json.ts'
import type { StoredTensor } from '../stored.ts'
import type { Warn } from '../warn.ts'
import { readGguf, type Gguf } from './read.ts'

/**
 * Reads the headers of all parts of a model, in their order, as one file.
 *
 * @throws CheckpointError if parts are missing, or are not of one model
 */
export async function readGgufParts(folder: Folder, files: readonly string[], warn: Warn): Promise<Gguf> {
  const parts: Gguf[] = []
  for (const [i, file] of files.entries()) {
    const part = await readGguf(await folder.open(file), file, warn)
    expectPart(part, i, files)
    parts.push(part)
  }
  const [first] = parts
  if (parts.length === 1) return first
  const tensors = new Map<string, StoredTensor>()
  for (const [i, part] of parts.entries()) {
    for (const [name, stored] of part.tensors) {
      if (tensors.has(name)) {
        throw new CheckpointError('a tensor stands in two parts', { where: `${files[i]}: ${clip(name)}` })
      }
      tensors.set(name, stored)
    }
  }
  const expected = first.metadata.get('split.tensors.count')
  if (expected !== undefined && expected !== tensors.size) {
    throw new CheckpointError('the parts have another number of tensors together', {
      where: files[0],
      expected,
      found: tensors.size,
    })
  }
  return { ...first, tensors }
}

function expectPart({ metadata }: Gguf, index: number, files: readonly string[]): void {
  const count = metadata.get('split.count') ?? 1
  if (count !== files.length && (count !== 0 || files.length > 1)) {
    throw new CheckpointError(`one part of ${String(count)}`, {
      where: files[index],
      expected: 'all parts beside it, named NAME-00001-of-0000N.gguf as they were split',
      found: `${files.length} files`,
    })
  }
  const place = metadata.get('split.no') ?? index
  if (place === index) return
  throw new CheckpointError('the parts of the file are in another order than their names', {
    where: files[index],
    expected: `part ${index}`,
    found: String(place),
  })
}
