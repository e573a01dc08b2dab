/** Where the bytes of a file come from: memory, a browser's Blob, or a disk (`files.ts`). */
import { CheckpointError } from '../errors.ts'

/** A file that is read in parts. */
export interface FileSource {
  /** Length in bytes. */
  readonly size: number
  /**
   * The bytes from `start` up to `end`, both within the file. They are the caller's own, or stand in the
   * memory of `staging` if that is given.
   */
  read(start: number, end: number, staging?: Staging): Promise<Uint8Array<ArrayBuffer>>
}

/** What a file can be given as. */
export type FileLike = Uint8Array | Blob | FileSource

/**
 * Memory that is used again by each read it is given to, so that reading a large file in pieces makes no
 * garbage: what a read gave is overwritten by the next one.
 */
export class Staging {
  #bytes = new Uint8Array(0)
  #floats = new Float32Array(0)

  /** `length` bytes, of any content. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    if (this.#bytes.length < length) this.#bytes = new Uint8Array(length)
    return this.#bytes.subarray(0, length)
  }

  /** `length` numbers, of any content; other memory than that of `bytes`. */
  floats(length: number): Float32Array<ArrayBuffer> {
    if (this.#floats.length < length) this.#floats = new Float32Array(length)
    return this.#floats.subarray(0, length)
  }
}

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
