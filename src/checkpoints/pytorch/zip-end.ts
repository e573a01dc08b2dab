/** The end of a zip archive, which says where its directory is: 32-bit or 64-bit. */
import { CheckpointError } from '../../errors.ts'
import { clip } from '../json.ts'
import type { FileSource } from '../source.ts'

/** A larger directory is refused: a record takes about 60 bytes. */
const MAX_DIRECTORY = 64 * 2 ** 20
/** The longest end record: 22 bytes and a comment. */
const MAX_END = 22 + 0xffff
const END = 0x06054b50
const END64 = 0x06064b50
const LOCATOR64 = 0x07064b50
/** What a size of 32 bits is where it stands in 64 elsewhere. */
export const SATURATED = 0xffffffff

/** Bytes of the file. */
export interface Range {
  readonly start: number
  readonly length: number
  /**
   * Compares the bytes with their checksum, at the first call: CheckpointError if they are not what was
   * written. Absent: there is none.
   */
  readonly check?: () => Promise<void>
}

export interface Directory extends Range {
  /** Number of records. */
  readonly count: number
}

export function refuse(
  file: string,
  record: string,
  rule: string,
  expected?: unknown,
  found?: unknown,
): never {
  const where = record === '' ? `${file}: zip` : `${file}: zip record ${clip(record)}`
  throw new CheckpointError(rule, { where, expected, found })
}

/** Finds the directory from the end of the file. */
export async function findDirectory(source: FileSource, file: string): Promise<Directory> {
  const tail = await source.read(Math.max(0, source.size - MAX_END), source.size)
  const view = viewOf(tail)
  let at = tail.length - 22
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === END && view.getUint16(at + 20, true) === tail.length - at - 22)
  )
    at--
  if (at < 0) refuse(file, '', 'the archive has no end record: not a zip file, or cut off')
  const end = source.size - tail.length + at
  const short: End = {
    position: end,
    disks: [view.getUint16(at + 4, true), view.getUint16(at + 6, true)],
    counts: [view.getUint16(at + 8, true), view.getUint16(at + 10, true)],
    length: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
  }
  const long = await findEnd64(source, end, file)
  if (long) expectAgree(short, long, file)
  const { position, disks, counts, length, start } = long ?? short
  if (disks.some((disk) => disk !== 0) || counts[0] !== counts[1]) {
    refuse(file, '', 'the archive is spread over several files')
  }
  if (start + length !== position) {
    refuse(file, '', 'the directory does not end where its end record begins', position, start + length)
  }
  if (length > MAX_DIRECTORY)
    refuse(file, '', 'the directory is too large', `at most ${MAX_DIRECTORY} bytes`, length)
  return { start, length, count: counts[0] }
}

interface End {
  /** Where the record begins. */
  readonly position: number
  readonly disks: readonly number[]
  /** Records on this disk, and in all. */
  readonly counts: readonly number[]
  readonly length: number
  readonly start: number
}

/** The 64-bit end record, if a locator before the end record at `end` leads to it. */
async function findEnd64(source: FileSource, end: number, file: string): Promise<End | undefined> {
  if (end < 20 + 56) return undefined
  const locator = viewOf(await source.read(end - 20, end))
  if (locator.getUint32(0, true) !== LOCATOR64) return undefined
  const position = u64(locator, 8)
  if (position !== end - 20 - 56) {
    refuse(file, '', 'the 64-bit end record is not before its locator', end - 20 - 56, position)
  }
  const view = viewOf(await source.read(position, position + 56))
  if (view.getUint32(0, true) !== END64 || u64(view, 4) !== 44) refuse(file, '', 'bad 64-bit end record')
  return {
    position,
    disks: [view.getUint32(16, true), view.getUint32(20, true), locator.getUint32(4, true)],
    counts: [u64(view, 24), u64(view, 32)],
    length: u64(view, 40),
    start: u64(view, 48),
  }
}

/** What is said twice must be the same, so that all readers find the same records. */
function expectAgree(short: End, long: End, file: string): void {
  const pairs: readonly (readonly [number, number, number])[] = [
    [short.counts[1], long.counts[1], 0xffff],
    [short.length, long.length, SATURATED],
    [short.start, long.start, SATURATED],
  ]
  for (const [found, expected, most] of pairs) {
    if (found !== most && found !== expected) refuse(file, '', 'the two end records differ', expected, found)
  }
}

export const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Numbers that are not exact are above the size of any file, and refused as such. */
export const u64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true))
