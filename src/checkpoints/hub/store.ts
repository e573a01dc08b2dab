/** Where downloads are kept: on disk (`disk.ts`), or in the private files of a page (`opfs.ts`). */
import type { FileSource } from '../source.ts'

/**
 * The cached files of one repository, in the layout of the Python client: refs, blobs by ETag, snapshots by
 * commit.
 */
export interface Store {
  /** What errors call it. */
  readonly where: string
  /** The commit that a revision was when it was last resolved. */
  readRef(revision: string): Promise<string | undefined>
  writeRef(revision: string, commit: string): Promise<void>
  /** The names of the files that a commit's snapshot has at its top. */
  names(commit: string): Promise<string[]>
  /** A file of a snapshot; undefined if it is not cached. */
  open(commit: string, name: string): Promise<FileSource | undefined>
  /** The blob that a file of a snapshot is, as far as its place says it. */
  blobOf(commit: string, name: string): Promise<string | undefined>
  /** Whether the Python client has remembered that a snapshot has no such file. */
  isAbsent(commit: string, name: string): Promise<boolean>
  /** Whether a blob was compared with its hash, and not been written since. */
  isChecked(etag: string): Promise<boolean>
  /** Remembers that. Where it cannot be remembered, it is compared again. */
  markChecked(etag: string): Promise<void>
  /** Makes a blob a file of a snapshot. */
  link(commit: string, name: string, etag: string): Promise<void>
  /** The length of a finished blob. */
  blobSize(etag: string): Promise<number | undefined>
  /** The blob's unfinished download, made if there is none. Only within `exclusively`. */
  unfinished(etag: string): Promise<Unfinished>
  /**
   * Runs `body` while nobody else, in any process or page, does so for this blob. `onWait` is called if that
   * takes waiting.
   */
  exclusively<T>(
    etag: string,
    body: () => Promise<T>,
    signal: AbortSignal | undefined,
    onWait: () => void,
  ): Promise<T>
}

/** `blobs/<etag>.incomplete`. One of `keep`, `finish` and `discard` ends it. */
export interface Unfinished {
  /** The bytes from earlier tries. */
  readonly before: FileSource
  write(bytes: Uint8Array, at: number): Promise<void>
  /** Drops all bytes. */
  empty(): Promise<void>
  /** Leaves it as it is, for the next try. */
  keep(): Promise<void>
  /** Gives it its name as a blob, in one step. */
  finish(): Promise<void>
  discard(): Promise<void>
}
