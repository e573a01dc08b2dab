/** CRC-32 as zip archives have it: of the platform in Node, sixteen bytes at a step elsewhere. */
import { CheckpointError } from '../errors.ts'
import { isNode, nodeModule } from '../platform.ts'
import { Staging, type FileSource } from './source.ts'

const POLYNOMIAL = 0xedb88320
/** Bytes of a file that are held at a time. */
const PIECE = 4 * 2 ** 20

/** The CRC-32 of `bytes` that follow others whose CRC-32 is `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const native = isNode ? nodeModule('node:zlib').crc32 : undefined
  return native ? native(bytes, before) : crc32InScript(bytes, before)
}

/** The same without the platform. */
export function crc32InScript(bytes: Uint8Array, before = 0): number {
  const t = (tables ??= makeTables())
  const oneByOne = (crc: number, from: number, to: number): number => {
    for (let at = from; at < to; at++) crc = t[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8)
    return crc
  }
  // Words begin at a multiple of four in memory.
  const first = -bytes.byteOffset & 3
  if (bytes.length < first) return ~oneByOne(~before, 0, bytes.length) >>> 0
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, ((bytes.length - first) >> 4) << 2)
  let crc = oneByOne(~before, 0, first)
  for (let i = 0; i < words.length; i += 4) {
    const a = crc ^ words[i]
    const b = words[i + 1]
    const c = words[i + 2]
    const d = words[i + 3]
    crc =
      t[0xf00 | (a & 0xff)] ^
      t[0xe00 | ((a >>> 8) & 0xff)] ^
      t[0xd00 | ((a >>> 16) & 0xff)] ^
      t[0xc00 | (a >>> 24)] ^
      t[0xb00 | (b & 0xff)] ^
      t[0xa00 | ((b >>> 8) & 0xff)] ^
      t[0x900 | ((b >>> 16) & 0xff)] ^
      t[0x800 | (b >>> 24)] ^
      t[0x700 | (c & 0xff)] ^
      t[0x600 | ((c >>> 8) & 0xff)] ^
      t[0x500 | ((c >>> 16) & 0xff)] ^
      t[0x400 | (c >>> 24)] ^
      t[0x300 | (d & 0xff)] ^
      t[0x200 | ((d >>> 8) & 0xff)] ^
      t[0x100 | ((d >>> 16) & 0xff)] ^
      t[d >>> 24]
  }
  return ~oneByOne(crc, first + words.byteLength, bytes.length) >>> 0
}

let tables: Int32Array | undefined

/** Sixteen tables of 256, one behind the other: table k advances a byte by k further bytes of zeros. */
function makeTables(): Int32Array {
  const made = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1
    made[byte] = crc
  }
  for (let i = 256; i < made.length; i++) {
    const crc = made[i - 256]
    made[i] = made[crc & 0xff] ^ (crc >>> 8)
  }
  return made
}

/** The CRC-32 of bytes `start` up to `end` of a file. */
export async function crc32Of(source: FileSource, start: number, end: number): Promise<number> {
  const staging = new Staging()
  let crc = 0
  for (let at = start; at < end; at += PIECE) {
    crc = crc32(await source.read(at, Math.min(end, at + PIECE), staging), crc)
  }
  return crc
}

/** A checksum as text: eight hexadecimal digits. */
export const showCrc32 = (crc: number): string => crc.toString(16).padStart(8, '0')

/** @throws CheckpointError unless the checksums are the same; `hint` says what to do about the file */
export function expectCrc32(expected: number, found: number, where: string, hint: string): void {
  if (expected !== found) damaged(where, hint, `CRC-32 ${showCrc32(expected)}`, showCrc32(found))
}

/** @throws CheckpointError always */
export function damaged(where: string, hint: string, expected?: string, found?: string): never {
  const rule = 'the file is damaged: its bytes are not those that were written'
  throw new CheckpointError(rule, { where, expected, found, hint })
}

/**
 * A stretch of a file whose CRC-32 is compared when its last byte is read. What is read twice counts once,
 * and what lies before a part that is read is read, too: in order, a stretch is read no more than once.
 */
export class CheckedRange {
  readonly #source: FileSource
  readonly #end: number
  readonly #compare: (found: number) => void
  /** All bytes before this one are in the checksum. */
  #reached: number
  #crc = 0

  /** `compare` is given the checksum of bytes `start` up to `end`, and throws if it is a wrong one. */
  constructor(source: FileSource, start: number, end: number, compare: (found: number) => void) {
    this.#source = source
    this.#reached = start
    this.#end = end
    this.#compare = compare
  }

  /** Bytes of the file, as `FileSource.read` gives them. */
  async read(start: number, end: number, staging?: Staging): Promise<Uint8Array<ArrayBuffer>> {
    while (this.#reached < start) await this.#take(this.#reached, Math.min(start, this.#reached + PIECE))
    return this.#take(start, end, staging)
  }

  async #take(start: number, end: number, staging?: Staging): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#source.read(start, end, staging)
    if (start <= this.#reached && end > this.#reached) {
      this.#crc = crc32(bytes.subarray(this.#reached - start), this.#crc)
      this.#reached = end
    }
    if (this.#reached === this.#end) this.#compare(this.#crc)
    return bytes
  }
}
