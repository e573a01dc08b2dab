/** Hashes that say which model a state belongs to. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { formerName, type ModelConfig } from '../../models/config.ts'
import { liveCheckpoint } from '../../models/files/live.ts'
import { describeConfig } from '../../models/describe.ts'
import type { Model } from '../../models/model.ts'
import { sizeOf } from '../../tensor/shape.ts'
import { giveTurn } from '../../turn.ts'

/** Settings that change how fast a model is, not what it computes. */
const TUNING = new Set(['chunk'])
/** Values of a tensor that are hashed together. Another number would change all fingerprints. */
const HASHED = 1 << 20
/** Bytes that script hashes without a turn: some milliseconds. */
const BLOCK = 1 << 18

/** What a model is, for people: its configuration, and how its weights are stored. */
export function modelWords(model: Model): string {
  const dtypes = new Set([...liveCheckpoint(model).tensors.values()].map(({ dtype }) => dtype))
  return `${describeConfig(model.config)}, weights ${[...dtypes].toSorted().join(' and ')}`
}

/** SHA-256 of what a configuration means: the shape of a state, and the place of each number in it. */
export function architectureHash(config: ModelConfig): string {
  return bytesToHex(sha256(utf8ToBytes(canonical(config))))
}

const fingerprints = new WeakMap<Model, { readonly version: number; readonly hash: Promise<string> }>()

/**
 * SHA-256 of the architecture, and of the name, type, shape and hashes of each parameter, read back from the
 * device once for each version of the model.
 */
export function fingerprintOf(model: Model): Promise<string> {
  const { version } = model
  const known = fingerprints.get(model)
  if (known?.version === version) return known.hash
  const hash = computeFingerprint(model)
  fingerprints.set(model, { version, hash })
  hash.catch(() => fingerprints.delete(model))
  return hash
}

async function computeFingerprint(model: Model): Promise<string> {
  const lines = [architectureHash(model.config)]
  const tensors = [...liveCheckpoint(model).tensors].toSorted(([a], [b]) => (a < b ? -1 : 1))
  for (const [name, stored] of tensors) {
    lines.push(`${name} ${stored.dtype} ${stored.shape.join()}`)
    const size = sizeOf(stored.shape)
    for (let begin = 0; begin < size; begin += HASHED) {
      const values = await stored.read(begin, Math.min(begin + HASHED, size))
      const { buffer, byteOffset, byteLength } = values as Float32Array<ArrayBuffer>
      lines.push(await hashOf(new Uint8Array(buffer, byteOffset, byteLength)))
      await giveTurn()
    }
  }
  return bytesToHex(sha256(utf8ToBytes(lines.join('\n'))))
}

/**
 * By what Node and browsers bring, on another thread and some ten times as fast as script. A page without
 * `https:` has none.
 */
async function hashOf(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const subtle = crypto.subtle as SubtleCrypto | undefined
  if (subtle) return bytesToHex(new Uint8Array(await subtle.digest('SHA-256', bytes)))
  const hash = sha256.create()
  for (let begin = 0; begin < bytes.length; begin += BLOCK) {
    hash.update(bytes.subarray(begin, begin + BLOCK))
    await giveTurn()
  }
  return bytesToHex(hash.digest())
}

/**
 * JSON with keys in order, under their first names, without what is absent or tuning; numbers that JSON lacks
 * are spelled out.
 */
function canonical(value: unknown): string {
  if (typeof value === 'number') return String(value)
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value)
    .filter(([key, each]) => each !== undefined && !TUNING.has(key))
    .map(([key, each]) => [formerName(key), each] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join()}}`
}
