/**
 * Zip archives as torch.save writes them: records stored as they are, 32-bit or 64-bit. Records are ranges of
 * the file; what the archive says of them is checked against its size, its other records and the record
 * itself before a range is read.
 */
import { crc32Of, showCrc32 } from '../crc32.ts'
import type { FileSource } from '../source.ts'
import { findDirectory, refuse, SATURATED, u64, viewOf, type Range } from './zip-end.ts'

export type { Range } from './zip-end.ts'

const MAX_RECORDS = 2 ** 19

const LOCAL = 0x04034b50
const ENTRY = 0x02014b50

/** Encrypted: itself, strongly, or the directory. */
const ENCRYPTED = 0x2041
/** The sizes stand behind the data, and in the directory. */
const SIZES_FOLLOW = 0x8
const ZIP64_FIELD = 1

interface Entry {
  readonly name: string
  readonly flags: number
  /** Of its local header. */
  readonly offset: number
  readonly length: number
  /** CRC-32 of the data; 0 where the writer was told to leave it out. */
  readonly crc: number
  /** Where the next record begins, or the directory. */
  end: number
}

/** Reads the directory of an archive. `file` is what errors call it. */
export async function openZip(source: FileSource, file: string): Promise<Zip> {
  const directory = await findDirectory(source, file)
  if (directory.count > MAX_RECORDS) {
    refuse(file, '', 'too many records', `at most ${MAX_RECORDS}`, directory.count)
  }
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
    return { start, length, ...(entry.crc !== 0 && { check: this.#checkOf(entry, start) }) }
  }

  #checkOf({ name, length, crc }: Entry, start: number): () => Promise<void> {
    const check = async (): Promise<void> => {
      const found = await crc32Of(this.#source, start, start + length)
      if (found === crc) return
      refuse(this.#file, name, 'the data are damaged: wrong CRC-32', showCrc32(crc), showCrc32(found))
    }
    let checked: Promise<void> | undefined
    return () => (checked ??= check())
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
    if (entries.size === MAX_RECORDS) refuse(file, '', 'too many records', `at most ${MAX_RECORDS}`)
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
  return { name, flags, offset, length, crc: view.getUint32(16, true), end: directory }
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
