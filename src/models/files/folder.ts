/** Where the files of a model go: a folder on disk, or memory. */
import type { FileContent } from '../../checkpoints/atomic.ts'
import { CheckpointError, ConfigError } from '../../errors.ts'
import { stat } from '../../platform.ts'
import { givingTurns } from '../../turn.ts'

/** A folder on disk (Node), which is made if it is not there, or files in memory by name (anywhere). */
export type SaveTarget = string | Map<string, Blob>

/** What a model is read from. */
const OF_A_MODEL =
  /^(model.*\.safetensors(\.index\.json)?|pytorch_model.*|tokenizer(_config)?\.json|chat_template\.jinja|generation_config\.json)$/

/** Names that are those of a file, not of a folder. */
const OF_A_FILE = /\.(safetensors|gguf|bin|pt|pth|ckpt|json|onnx|zip)$/i

/**
 * Writes files, all in one moment: a reader, or a crash, sees what was there before or what is new. Those of
 * the same names are replaced.
 *
 * @throws CheckpointError if files of another model are there, which would be read in place of these, or with
 *   them, or a run; ConfigError if the target has the name of a file
 */
export async function writeFiles(
  target: SaveTarget,
  files: ReadonlyMap<string, FileContent>,
  signal?: AbortSignal,
): Promise<void> {
  if (typeof target !== 'string') {
    expectOwn([...target.keys()], files, 'files')
    const blobs = new Map<string, Blob>()
    for (const [name, content] of files) blobs.set(name, await blobOf(inTurns(content, signal)))
    for (const [name, blob] of blobs) target.set(name, blob)
    return
  }
  if (OF_A_FILE.test(target) && !(await stat(target).catch(() => undefined))?.isDirectory()) {
    throw new ConfigError('a model is saved as a folder, and this is the name of a file', {
      where: target,
      hint: 'Name a folder: it gets config.json and model.safetensors. A .gguf file is written by convert',
    })
  }
  const { replaceFiles } = await import('../../checkpoints/replace-files.ts')
  const contents = new Map([...files].map(([name, content]) => [name, inTurns(content, signal)]))
  await replaceFiles(target, contents, (names) => expectOwn(names, files, target))
}

function inTurns(content: FileContent, signal: AbortSignal | undefined): FileContent {
  signal?.throwIfAborted()
  return typeof content === 'string' || content instanceof Uint8Array ? content : givingTurns(content, signal)
}

function expectOwn(names: readonly string[], files: ReadonlyMap<string, FileContent>, where: string): void {
  const others = names.filter((name) => (OF_A_MODEL.test(name) && !files.has(name)) || name === 'run.json')
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
