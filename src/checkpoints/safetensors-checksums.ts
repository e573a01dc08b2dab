/**
 * The checksums of a safetensors file that Sidewinder wrote. They stand in its metadata, where other programs
 * leave them alone: a CRC-32 of each tensor, and one of the header, its own digits taken as zeros.
 *
 * A program that writes other tensors may keep the metadata. Its file is no damaged one: it is told by the
 * end of the header, where Sidewinder writes eight spaces more than the format asks for.
 */
import { crc32, damaged, expectCrc32, showCrc32 } from './crc32.ts'
import { findMetadata, type Header } from './safetensors-header.ts'
import type { Warn } from './warn.ts'

const OF_TENSORS = 'sidewinder.crc32'
const OF_HEADER = 'sidewinder.crc32.header'
const ZEROS = showCrc32(0)
/** Spaces at the end of a header whose checksums hold. */
export const MARK = 8

const HINT =
  'Copy or download it again. A program that changes it on purpose must write the header anew, without sidewinder.crc32'

/** The entries of the metadata: `sums` in the order of the tensors' data. */
export const checksumEntries = (sums: readonly number[]): Record<string, string> => ({
  [OF_TENSORS]: sums.map(showCrc32).join(''),
  [OF_HEADER]: ZEROS,
})

/** Gives a header with such entries its own checksum. */
export function sealHeader(header: Uint8Array): void {
  header.set(new TextEncoder().encode(showCrc32(crc32(header.subarray(8)))), findMetadata(header, OF_HEADER))
}

/**
 * The checksums of the tensors, in the order of their data; undefined if there are none, or another program
 * wrote the file. `bytes` is the header without its length.
 *
 * @throws CheckpointError if the header is damaged
 */
export function readChecksums(
  bytes: Uint8Array,
  { metadata, extents }: Header,
  file: string,
  warn: Warn,
): readonly number[] | undefined {
  const [tensors, own] = [OF_TENSORS, OF_HEADER].map((key) => metadata[key] as string | undefined)
  if (tensors === undefined && own === undefined) return undefined
  if (!bytes.subarray(-MARK).every((byte) => byte === 0x20)) {
    warn(`[${file}] another program wrote the file, and kept checksums of Sidewinder: they are not compared`)
    return undefined
  }
  const where = `${file}: header`
  const place = findMetadata(bytes, OF_HEADER)
  const words = tensors?.match(/[\da-f]{8}/g) ?? []
  const whole = words.length === extents.length && words.join('') === tensors
  if (place < 0 || !whole || !/^[\da-f]{8}$/.test(own ?? '')) damaged(where, HINT)
  const unsealed = new Uint8Array(bytes)
  unsealed.set(new TextEncoder().encode(ZEROS), place)
  expectCrc32(Number.parseInt(own!, 16), crc32(unsealed), where, HINT)
  return words.map((word) => Number.parseInt(word, 16))
}

/** @throws CheckpointError unless the data of a tensor are those that were written */
export const expectTensor = (expected: number, found: number, where: string): void => {
  expectCrc32(expected, found, where, HINT)
}

/** The metadata without checksums: another file has others. */
export function withoutChecksums(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { [OF_TENSORS]: _, [OF_HEADER]: __, ...others } = metadata
  return others
}
