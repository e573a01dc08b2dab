/** The SHA-256 of a saved state, which stands within it and is itself taken as zeros. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { createHash, isNode } from '../../platform.ts'

const CHECKSUM = '"checksum":"'
/** What stands in the place of the checksum before it is known. */
export const ZEROS = '0'.repeat(64)

/** Puts the checksum in its place. */
export function writeChecksum(file: Uint8Array): void {
  const at = findChecksum(file)
  file.set(utf8ToBytes(checksumOf(file, at)), at)
}

/** Where the checksum's digits are. Quotes within other values are escaped, so the first place is the one. */
export function findChecksum(file: Uint8Array): number {
  const wanted = utf8ToBytes(CHECKSUM)
  for (let at = file.indexOf(wanted[0]); at >= 0; at = file.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, i) => file[at + i] === byte)) return at + wanted.length
  }
  return -1
}

/** A SHA-256 in the making. Node's own is some ten times as fast as one in script. */
interface Hasher {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

export function checksumOf(file: Uint8Array, at: number): string {
  const hash: Hasher = isNode ? createHash('sha256') : sha256.create()
  hash.update(file.subarray(0, at))
  hash.update(utf8ToBytes(ZEROS))
  hash.update(file.subarray(at + ZEROS.length))
  return bytesToHex(hash.digest())
}
