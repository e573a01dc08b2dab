/** Where the files of a model go: a folder on disk, or memory. */
import type { FileContent } from '../../checkpoints/atomic.ts'
import { CheckpointError } from '../../errors.ts'
import { join } from '../../platform.ts'
import { givingTurns } from '../../turn.ts'

/** A folder on disk (Node), which is made if it is not there, or files in memory by name (anywhere). */
export type SaveTarget = string | Map<string, Blob>

/** What a model is read from. */
const OF_A_MODEL =
  /^(model.*\.safetensors(\.index\.json)?|pytorch_model.*|tokenizer(_config)?\.json|chat_template\.jinja|generation_config\.json)$/

/**
 * Writes files one after the other; those of the same names are replaced, each when its successor is whole.
 *
 * @throws CheckpointError if files of another model are there, which would be read in place of these, or with
 *   them
 */
export async function writeFiles(
  target: SaveTarget,
  files: ReadonlyMap<string, FileContent>,
  signal?: AbortSignal,
): Promise<void> {
  if (typeof target !== 'string') {
    expectOwn([...target.keys()], files, 'files')
    for (const [name, content] of files) target.set(name, await blobOf(inTurns(content, signal)))
    return
  }
  const { makeFolder, writeAtomically } = await import('../../checkpoints/atomic.ts')
  const { namesIn } = await import('../../checkpoints/files.ts')
  await makeFolder(target)
  expectOwn(await namesIn(target), files, target)
  for (const [name, content] of files) {
    await writeAtomically(join(target, name), inTurns(content, signal))
  }
}

function inTurns(content: FileContent, signal: AbortSignal | undefined): FileContent {
  signal?.throwIfAborted()
  return typeof content === 'string' || content instanceof Uint8Array ? content : givingTurns(content, signal)
}

function expectOwn(names: readonly string[], files: ReadonlyMap<string, FileContent>, where: string): void {
  const others = names.filter((name) => OF_A_MODEL.test(name) && !files.has(name))
  if (others.length === 0) return
  throw new CheckpointError('files of another model are there', {
    where,
    found: others.slice(0, 5).join(', '),
    hint: 'Choose a new folder',
  })
}

async function blobOf(content: FileContent): Promise<Blob> {
  if (typeof content === 'string') return new Blob([content])
  const parts: Blob[] = []
  // A part is used again for the next: a blob has its own bytes.
  const pieces = content instanceof Uint8Array ? [content] : content
  for await (const piece of pieces) parts.push(new Blob([piece as Uint8Array<ArrayBuffer>]))
  return new Blob(parts)
}
