/**
 * Zip archives as torch.save writes them: records stored as they are, 32-bit or 64-bit. Records are ranges of
 * the file; what the archive says of them is checked against its size, its other records and the record
 * itself before a range is read.
 */
import { CheckpointError } from '../../errors.ts'
import { clip } from '../json.ts'
import type { FileSource } from '../source.ts'

/** A larger directory is refused: a record takes about 60 bytes. */
const MAX_DIRECTORY = 64 * 2 ** 20
/** The longest end record: 22 bytes and a comment. */
const MAX_END = 22 + 0xffff
const SATURATED = 0xffffffff

const LOCAL = 0x04034b50
const ENTRY = 0x02014b50
const END = 0x06054b50
const END64 = 0x06064b50
const LOCATOR64 = 0x07064b50

/** Encrypted: itself, strongly, or the directory. */
const ENCRYPTED = 0x2041
/** The sizes stand behind the data, and in the directory. */
const SIZES_FOLLOW = 0x8
const ZIP64_FIELD = 1

/** Bytes of the file. */
export interface Range {
  readonly start: number
  readonly length: number
}

interface Directory extends Range {
  /** Number of records. */
  readonly count: number
}

interface Entry {
  readonly name: string
  readonly flags: number
  /** Of its local header. */
  readonly offset: number
  readonly length: number
  /** Where the next record begins, or the directory. */
  end: number
}

/** Reads the directory of an archive. `file` is what errors call it. */
export async function openZip(source: FileSource, file: string): Promise<Zip> {
  const directory = await findDirectory(source, file)
  const bytes = await source.read(directory.start, directory.start + directory.length)
  const entries = parseDirectory(bytes, directory, file)
  if (entries.size !== directory.count) {
    refuse(
      file,
      '',
      'the directory has another number of records than its end says',
      directory.count,
      entries.size,
    )
  }
  expectApart(entries, directory.start, file)
  return new Zip(source, file, entries)
}

export class Zip {
  readonly #source: FileSource
  readonly #file: string
  readonly #entries: ReadonlyMap<string, Entry>

  constructor(source: FileSource, file: string, entries: ReadonlyMap<string, Entry>) {
    this.#source = source
    this.#file = file
    this.#entries = entries
  }

  get names(): Iterable<string> {
    return this.#entries.keys()
  }

  /** Where the data of a record stand, by its local header, or nothing if there is no such record. */
  async find(name: string): Promise<Range | undefined> {
    const entry = this.#entries.get(name)
    if (!entry) return undefined
    const { offset, length, end } = entry
    const key = new TextEncoder().encode(name)
    const header = await this.#source.read(offset, offset + 30 + key.length)
    const view = viewOf(header)
    const sizes = [view.getUint32(18, true), view.getUint32(22, true)]
    const expected = entry.flags & SIZES_FOLLOW ? 0 : Math.min(length, SATURATED)
    const same =
      view.getUint32(0, true) === LOCAL &&
      view.getUint16(6, true) === entry.flags &&
      view.getUint16(8, true) === 0 &&
      sizes.every((size) => size === expected) &&
      view.getUint16(26, true) === key.length &&
      key.every((byte, i) => byte === header[30 + i])
    if (!same)
      refuse(this.#file, name, 'the record does not begin with the header that the directory describes')
    const start = offset + header.length + view.getUint16(28, true)
    if (start + length > end) {
      refuse(
        this.#file,
        name,
        'the record overlaps what follows it',
        `end at ${end} or before`,
        start + length,
      )
    }
    return { start, length }
  }
}

function refuse(file: string, record: string, rule: string, expected?: unknown, found?: unknown): never {
  const where = record === '' ? `${file}: zip` : `${file}: zip record ${clip(record)}`
  throw new CheckpointError(rule, { where, expected, found })
}

/** Finds the directory from the end of the file. */
async function findDirectory(source: FileSource, file: string): Promise<Directory> {
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

function parseDirectory(bytes: Uint8Array, directory: Range, file: string): Map<string, Entry> {
  const view = viewOf(bytes)
  const entries = new Map<string, Entry>()
  for (let at = 0; at < bytes.length;) {
    if (at + 46 > bytes.length || view.getUint32(at, true) !== ENTRY) {
      refuse(file, '', 'bad entry in the directory', undefined, `byte ${directory.start + at}`)
    }
    const [name, extra, comment] = [28, 30, 32].map((field) => view.getUint16(at + field, true))
    const end = at + 46 + name + extra + comment
    if (end > bytes.length) refuse(file, '', 'an entry goes past the end of the directory')
    const entry = parseEntry(bytes.subarray(at, end), name, extra, directory.start, file)
    if (entries.has(entry.name)) refuse(file, entry.name, 'the record stands twice in the directory')
    entries.set(entry.name, entry)
    at = end
  }
  return entries
}

function parseEntry(
  bytes: Uint8Array,
  nameLength: number,
  extraLength: number,
  directory: number,
  file: string,
): Entry {
  const view = viewOf(bytes)
  const name = nameOf(bytes.subarray(46, 46 + nameLength), file)
  const flags = view.getUint16(8, true)
  if (flags & ENCRYPTED) refuse(file, name, 'the record is encrypted')
  const method = view.getUint16(10, true)
  if (method !== 0) refuse(file, name, 'the record is compressed', 'method 0 (stored)', `method ${method}`)
  const wide = wideFields(bytes.subarray(46 + nameLength, 46 + nameLength + extraLength))
  // Full size, stored size, offset: in this order, those that 32 bits cannot hold stand in a field of their
  // own.
  const [length, stored, offset] = [24, 20, 42].map((field) => {
    const value = view.getUint32(field, true)
    return value === SATURATED ? (wide.shift() ?? refuse(file, name, 'a 64-bit size is missing')) : value
  })
  if (stored !== length) refuse(file, name, 'a stored record with two sizes', length, stored)
  if (view.getUint16(34, true) !== 0) refuse(file, name, 'the record is in another file')
  if (offset + 30 + nameLength + length > directory) {
    refuse(
      file,
      name,
      'the record goes past the start of the directory',
      directory,
      offset + 30 + nameLength + length,
    )
  }
  return { name, flags, offset, length, end: directory }
}

function nameOf(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return refuse(file, '', 'the name of a record is not UTF-8')
  }
}

/** The numbers of the zip64 field among the extra fields of an entry. */
function wideFields(extra: Uint8Array): number[] {
  const view = viewOf(extra)
  for (let at = 0; at + 4 <= extra.length;) {
    const end = at + 4 + view.getUint16(at + 2, true)
    if (view.getUint16(at, true) === ZIP64_FIELD) {
      const count = Math.floor((Math.min(end, extra.length) - at - 4) / 8)
      return Array.from({ length: count }, (_, i) => u64(view, at + 4 + 8 * i))
    }
    at = end
  }
  return []
}

/** Sets where each record must end, and refuses records that begin inside another. */
function expectApart(entries: ReadonlyMap<string, Entry>, directory: number, file: string): void {
  let end = directory
  for (const entry of [...entries.values()].toSorted((a, b) => b.offset - a.offset)) {
    entry.end = end
    const least = entry.offset + 30 + entry.length
    if (least > end)
      refuse(file, entry.name, 'the record overlaps what follows it', `end at ${end} or before`, least)
    end = entry.offset
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/** Numbers that are not exact are above the size of any file, and refused as such. */
const u64 = (view: DataView, at: number): number => Number(view.getBigUint64(at, true))
