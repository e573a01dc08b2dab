/** CRC-32 as zip archives have it: of the platform in Node, eight bytes at a step elsewhere. */
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
  const tables = (made ??= makeTables())
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables
  let crc = ~before
  let at = 0
  for (const end = bytes.length - (bytes.length % 8); at < end; at += 8) {
    crc ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)
    crc =
      t7[crc & 0xff] ^
      t6[(crc >>> 8) & 0xff] ^
      t5[(crc >>> 16) & 0xff] ^
      t4[crc >>> 24] ^
      t3[bytes[at + 4]] ^
      t2[bytes[at + 5]] ^
      t1[bytes[at + 6]] ^
      t0[bytes[at + 7]]
  }
  for (; at < bytes.length; at++) crc = t0[(crc ^ bytes[at]) & 0xff] ^ (crc >>> 8)
  return ~crc >>> 0
}

let made: readonly Int32Array[] | undefined

/** Table k advances a byte by k further bytes of zeros. */
function makeTables(): readonly Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256))
  const [first] = tables
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? POLYNOMIAL ^ (crc >>> 1) : crc >>> 1
    first[byte] = crc
  }
  for (let k = 1; k < 8; k++) {
    for (let byte = 0; byte < 256; byte++) {
      const crc = tables[k - 1][byte]
      tables[k][byte] = first[crc & 0xff] ^ (crc >>> 8)
    }
  }
  return tables
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
