/** Where the bytes of a file come from: memory, a browser's Blob, or a disk (`files.ts`). */
import { CheckpointError } from '../errors.ts'

/** A file that is read in parts. */
export interface FileSource {
  /** Length in bytes. */
  readonly size: number
  /** The bytes from `start` up to `end`, both within the file. They are the caller's own. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>
}

/** What a file can be given as. */
export type FileLike = Uint8Array | Blob | FileSource

/** `file` as a FileSource. */
export function sourceOf(file: FileLike): FileSource {
  if (file instanceof Uint8Array) {
    return {
      size: file.length,
      read: (start, end) => Promise.resolve(new Uint8Array(file.subarray(start, end))),
    }
  }
  if (file instanceof Blob) {
    return {
      size: file.size,
      read: async (start, end) => new Uint8Array(await file.slice(start, end).arrayBuffer()),
    }
  }
  return file
}

/** The text of a UTF-8 file. A byte order mark stays in it. */
export function decodeText(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new CheckpointError('the text is not UTF-8', { where, cause })
  }
}
