/** The SHA-256 of a saved state, which stands within it and is itself taken as zeros. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { findMetadata } from '../../checkpoints/safetensors-header.ts'
import { createHash, isNode } from '../../platform.ts'

/** What stands in the place of the checksum before it is known. */
export const ZEROS = '0'.repeat(64)

/** Puts the checksum in its place. */
export function writeChecksum(file: Uint8Array): void {
  const at = findChecksum(file)
  file.set(utf8ToBytes(checksumOf(file, at)), at)
}

/** Where the checksum's digits are; -1 if there are none. */
export const findChecksum = (file: Uint8Array): number => findMetadata(file, 'checksum')

/** A SHA-256 in the making. Node's own is some ten times as fast as one in script. */
interface Hasher {
  update(bytes: Uint8Array): unknown
  digest(): Uint8Array
}

export const newSha256 = (): Hasher => (isNode ? createHash('sha256') : sha256.create())

export function checksumOf(file: Uint8Array, at: number): string {
  const hash = newSha256()
  hash.update(file.subarray(0, at))
  hash.update(utf8ToBytes(ZEROS))
  hash.update(file.subarray(at + ZEROS.length))
  return bytesToHex(hash.digest())
}
