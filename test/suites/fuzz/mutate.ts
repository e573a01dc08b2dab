/** Inputs that are nearly right: a seed with a few things wrong. The same numbers give the same inputs. */
import type { Random } from '../../../src/tensor/random.ts'

/** Values that counts, lengths and offsets go wrong at. */
const EDGES = [
  0n,
  1n,
  7n,
  8n,
  31n,
  32n,
  255n,
  256n,
  65535n,
  65536n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n,
  2n ** 62n,
  2n ** 63n - 1n,
  2n ** 64n - 1n,
]
/** What JSON, names and templates go wrong with. */
const WORDS = [
  '"__proto__"',
  '"constructor"',
  'null',
  '[]',
  '{}',
  '-1',
  '1e308',
  '1e999',
  '0.5',
  '""',
  'true',
  '\\u0000',
  '\\ud800',
  '\uFEFF',
  '../',
  '[[[[[[[[',
  '9007199254740993',
  'NaN',
].map((word) => new TextEncoder().encode(word))

type Bytes = Uint8Array<ArrayBuffer>
type Mutation = (bytes: Bytes, random: Random, other: Bytes) => Bytes

const MUTATIONS: readonly Mutation[] = [
  // A bit.
  (bytes, random) => changed(bytes, random.integer(bytes.length), (byte) => byte ^ (1 << random.integer(8))),
  // A byte.
  (bytes, random) => changed(bytes, random.integer(bytes.length), () => random.integer(256)),
  // A digit or letter of a text by another.
  (bytes, random) =>
    changed(bytes, random.integer(bytes.length), (byte) =>
      byte >= 48 && byte < 58 ? 48 + random.integer(10) : 32 + random.integer(95),
    ),
  // The end is missing.
  (bytes, random) => bytes.slice(0, random.integer(bytes.length)),
  // A part is missing.
  (bytes, random) => {
    const [from, to] = range(bytes, random)
    return join(bytes.subarray(0, from), bytes.subarray(to))
  },
  // A part stands twice.
  (bytes, random) => {
    const [from, to] = range(bytes, random)
    return join(bytes.subarray(0, to), bytes.subarray(from, to), bytes.subarray(to))
  },
  // Something strange is put in.
  (bytes, random) => {
    const at = random.integer(bytes.length + 1)
    return join(bytes.subarray(0, at), WORDS[random.integer(WORDS.length)], bytes.subarray(at))
  },
  // Something strange takes the place of a part.
  (bytes, random) => {
    const [from, to] = range(bytes, random)
    return join(bytes.subarray(0, from), WORDS[random.integer(WORDS.length)], bytes.subarray(to))
  },
  // A number of 4 or 8 bytes is at its edge.
  (bytes, random) => {
    const width = random.integer(2) === 0 ? 4 : 8
    if (bytes.length < width) return bytes
    const copy = bytes.slice()
    const at = random.integer(bytes.length - width + 1)
    const value = EDGES[random.integer(EDGES.length)]
    const view = new DataView(copy.buffer)
    if (width === 4) view.setUint32(at, Number(value & 0xffffffffn), true)
    else view.setBigUint64(at, value, true)
    return copy
  },
  // The end is that of another file.
  (bytes, random, other) =>
    join(
      bytes.subarray(0, random.integer(bytes.length + 1)),
      other.subarray(random.integer(other.length + 1)),
    ),
  // Bytes behind the end.
  (bytes, random) => join(bytes, new Uint8Array(1 + random.integer(64)).fill(random.integer(256))),
]

/** One to four mutations of `seed`; `other` is another file of the kind. */
export function mutate(seed: Bytes, other: Bytes, random: Random): Bytes {
  let bytes = seed
  for (let count = 1 + random.integer(4); count > 0 && bytes.length > 0; count--) {
    bytes = MUTATIONS[random.integer(MUTATIONS.length)](bytes, random, other)
  }
  return bytes
}

function changed(bytes: Bytes, at: number, change: (byte: number) => number): Bytes {
  const copy = bytes.slice()
  copy[at] = change(copy[at])
  return copy
}

/** A part of at most 64 bytes. */
function range(bytes: Bytes, random: Random): [from: number, to: number] {
  const from = random.integer(bytes.length)
  return [from, Math.min(bytes.length, from + 1 + random.integer(64))]
}

function join(...parts: readonly Uint8Array[]): Bytes {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
