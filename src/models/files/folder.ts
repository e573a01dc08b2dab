/** Where the files of a model go: a folder on disk, or memory. */
import type { FileContent } from '../../checkpoints/atomic.ts'
import { ConfigError } from '../../errors.ts'
import { stat } from '../../platform.ts'
import { givingTurns } from '../../turn.ts'

/** A folder on disk (Node), which is made if it is not there, or files in memory by name (anywhere). */
export type SaveTarget = string | Map<string, Blob>

/** How files are written. */
export interface WriteOptions {
  /**
   * Whether files of the same names may be replaced: false, none; true, any. Default: those of a model that
   * Sidewinder reads, as a training saves again and again. Files of other names are left in any case, and a
   * run, or a model in other files, is never mixed with.
   */
  readonly overwrite?: boolean | undefined
  /**
   * Ends the writing between two pieces of a tensor: the reason of the signal is thrown, and files that are
   * not whole are removed.
   */
  readonly signal?: AbortSignal | undefined
}

/** Names that are those of a file, not of a folder. */
const OF_A_FILE = /\.(safetensors|gguf|bin|pt|pth|ckpt|json|onnx|zip)$/i

/**
 * Writes files, all in one moment: a reader, or a crash, sees what was there before or what is new.
 *
 * @throws CheckpointError, before anything is read or written, if what is there must stay (see
 *   `expectReplaceable`); ConfigError if the target has the name of a file
 */
export async function writeFiles(
  target: SaveTarget,
  files: ReadonlyMap<string, FileContent>,
  { overwrite, signal }: WriteOptions = {},
): Promise<void> {
  const { expectReplaceable } = await import('./replaceable.ts')
  const check = (): Promise<void> => expectReplaceable(target, new Set(files.keys()), overwrite)
  if (typeof target !== 'string') {
    await check()
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
  await replaceFiles(target, contents, check)
}

function inTurns(content: FileContent, signal: AbortSignal | undefined): FileContent {
  signal?.throwIfAborted()
  return typeof content === 'string' || content instanceof Uint8Array ? content : givingTurns(content, signal)
}

/** What is written, as a blob. */
export async function blobOf(content: FileContent): Promise<Blob> {
  if (typeof content === 'string') return new Blob([content])
  if (content instanceof Uint8Array) return new Blob([content as Uint8Array<ArrayBuffer>])
  const parts: Blob[] = []
  const pieces = content[Symbol.asyncIterator]()
  for (;;) {
    const { done, value } = await pieces.next()
    // A part is used again for the next: a blob has its own bytes.
    const part = value && new Blob([value as Uint8Array<ArrayBuffer>])
    if (!done) parts.push(part!)
    else if (!part) return new Blob(parts)
    else return new Blob([part, new Blob(parts).slice(part.size)])
  }
}
