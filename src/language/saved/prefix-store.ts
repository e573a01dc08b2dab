import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import * as v from 'valibot'
import { between, callback, needed, optionsOf } from '../../check.ts'
import { ConfigError } from '../../errors.ts'
import type { Model } from '../../models/model.ts'
import { fingerprintOf } from './fingerprint.ts'
import { newSha256 } from './state-checksum.ts'

/** Where the states after prompts are kept, so that a prompt that many sessions begin with is read once. */
export interface PrefixStore {
  /** The saved state under a key, if it is there. */
  get(key: string): Promise<Uint8Array | undefined>
  /** Keeps a saved state under a key. */
  set(key: string, bytes: Uint8Array): Promise<void>
  /** Told of entries that cannot be used. */
  readonly warn?: (message: string) => void
}

/** What all prefix stores can be told. */
export interface StoreOptions {
  /** Told of entries that are damaged. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void
}

/** Throws ConfigError for what are no options of a store of files. */
export const readStoreOptions = optionsOf<StoreOptions>({ onWarning: callback })

const readMemoryOptions = optionsOf<{ readonly maxBytes: number }>({
  maxBytes: needed(
    v.union(
      [between(0, Number.MAX_SAFE_INTEGER), v.literal(Number.POSITIVE_INFINITY)],
      'a size in bytes, or Infinity',
    ),
  ),
})

/** The key of the state of `model` after `tokens`: hex SHA-256. */
export async function prefixKey(model: Model, tokens: readonly number[]): Promise<string> {
  const ids = Int32Array.from(tokens)
  const hash = newSha256()
  hash.update(utf8ToBytes(await fingerprintOf(model)))
  hash.update(new Uint8Array(ids.buffer))
  return bytesToHex(hash.digest())
}

/** Keeps states in memory, those used last. */
export function memoryStore(options: { readonly maxBytes: number }): PrefixStore {
  const { maxBytes } = readMemoryOptions(options, 'memoryStore')
  /** The one used last is last. */
  const entries = new Map<string, Uint8Array>()
  let held = 0
  const drop = (key: string): void => {
    held -= entries.get(key)?.length ?? 0
    entries.delete(key)
  }
  return {
    get(key) {
      const bytes = entries.get(key)
      if (bytes) {
        entries.delete(key)
        entries.set(key, bytes)
      }
      return Promise.resolve(bytes?.slice())
    },
    set(key, bytes) {
      drop(key)
      if (bytes.length <= maxBytes) {
        entries.set(key, bytes.slice())
        held += bytes.length
      }
      for (const oldest of entries.keys()) {
        if (held <= maxBytes) break
        drop(oldest)
      }
      return Promise.resolve()
    },
  }
}

function sha256Of(bytes: Uint8Array): Uint8Array {
  const hash = newSha256()
  hash.update(bytes)
  return hash.digest()
}

/** A file of a store: 32 bytes of SHA-256, and what they are of. */
export function seal(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(32 + bytes.length)
  file.set(sha256Of(bytes))
  file.set(bytes, 32)
  return file
}

/** What was sealed; undefined if the file is damaged. */
export function unseal(file: Uint8Array): Uint8Array | undefined {
  const bytes = file.subarray(32)
  const intact = file.length >= 32 && sha256Of(bytes).every((byte, i) => byte === file[i])
  return intact ? bytes : undefined
}

/** Keys become file names: nothing else may. */
export function expectKey(key: string): void {
  if (/^[0-9a-f]{64}$/.test(key)) return
  throw new ConfigError('not a key', { where: 'prefix store', expected: '64 hex digits', found: key })
}
