/** Hashes of contents too large for memory: `node:crypto` in Node, plain JavaScript in pages. */
import { createHash, isNode } from '../../platform.ts'
import { Staging, type FileSource } from '../source.ts'

/** Bytes that are hashed at a time. */
export const PIECE = 2 ** 22

export interface Hasher {
  update(bytes: Uint8Array): void
  /** Hexadecimal. Ends the hasher. */
  digest(): string
}

export interface Verifier {
  /** What the digest is called in errors. */
  readonly name: string
  /** A new hasher, to which the whole content is to be given. */
  start(): Promise<Hasher>
}

/** How an ETag is checked: 64 digits are a SHA-256, 40 are git's SHA-1. Undefined if it is no hash. */
export function verifierOf(etag: string, size: number | undefined): Verifier | undefined {
  if (/^[0-9a-f]{64}$/.test(etag)) return { name: 'SHA-256', start: () => startHash('sha256') }
  if (!/^[0-9a-f]{40}$/.test(etag) || size === undefined) return undefined
  const start = async (): Promise<Hasher> => {
    const hasher = await startHash('sha1')
    hasher.update(new TextEncoder().encode(`blob ${size}\0`))
    return hasher
  }
  return { name: 'git SHA-1', start }
}

/** The hash of a file, in pieces. */
export async function hashOf(
  source: FileSource,
  verifier: Verifier,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hasher = await verifier.start()
  const staging = new Staging()
  for (let at = 0; at < source.size; at += PIECE) {
    hasher.update(await source.read(at, Math.min(source.size, at + PIECE), staging))
    signal?.throwIfAborted()
  }
  return hasher.digest()
}

async function startHash(algorithm: 'sha1' | 'sha256'): Promise<Hasher> {
  if (isNode) {
    const hash = createHash(algorithm)
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') }
  }
  const hash =
    algorithm === 'sha1'
      ? (await import('@noble/hashes/legacy.js')).sha1.create()
      : (await import('@noble/hashes/sha2.js')).sha256.create()
  const { bytesToHex } = await import('@noble/hashes/utils.js')
  return { update: (bytes) => void hash.update(bytes), digest: () => bytesToHex(hash.digest()) }
}
