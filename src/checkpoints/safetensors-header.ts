/**
 * The JSON header of a safetensors file, read member by member: of each tensor only its place is kept, so
 * that the largest header that the format allows takes a small multiple of its bytes.
 */
import { CheckpointError } from '../errors.ts'
import { showShape, type Shape } from '../tensor/shape.ts'
import { STORED_TYPES, UNREAD_BITS } from './dtypes.ts'
import { clip, isJsonObject, JsonReader } from './json.ts'
import type { Warn } from './warn.ts'

export const METADATA = '__metadata__'

/** What published files are far from: shards have some thousand tensors. */
const MAX_TENSORS = 2 ** 19
/** More axes than any tensor of PyTorch has. */
const MAX_RANK = 64

/** Where a tensor lies in the data of a file. */
export interface Extent {
  readonly name: string
  readonly dtype: string
  readonly shape: Shape
  /** Bytes from the start of the data. */
  readonly begin: number
  readonly end: number
}

export interface Header {
  /** In the order of their data. */
  readonly extents: readonly Extent[]
  readonly metadata: Readonly<Record<string, string>>
}

/**
 * Reads a header of a file called `file`, whose data have `dataLength` bytes.
 *
 * @throws CheckpointError naming file and tensor, what was expected and what was found
 */
export function readHeader(bytes: Uint8Array, dataLength: number, file: string, warn: Warn): Header {
  const { text, whole } = decode(bytes)
  if (!whole) warn(`[${file}] the header is not UTF-8: what is not is read as \uFFFD`)
  const fail = (rule: string, offset: number): never => {
    throw new CheckpointError(`bad header: ${rule} at character ${offset}`, { where: file })
  }
  const reader = new JsonReader(text, { fail, uniqueKeys: true })
  if (!text.startsWith('{')) fail('not a JSON object', 0)
  const extents = new Map<string, Extent>()
  let metadata: unknown
  reader.members((name, offset) => {
    if (extents.has(name) || (name === METADATA && metadata !== undefined)) {
      fail(`the key ${clip(name)} stands twice`, offset)
    }
    if (name === METADATA) {
      metadata = reader.value()
      return
    }
    if (!whole && name.includes('\uFFFD')) fail('the name of a tensor is not UTF-8', offset)
    if (extents.size === MAX_TENSORS) fail(`more than ${MAX_TENSORS} tensors`, offset)
    extents.set(name, readExtent(reader, name, dataLength, file))
  })
  reader.end()
  const sorted = [...extents.values()].toSorted((a, b) => a.begin - b.begin || a.end - b.end)
  expectCovered(sorted, dataLength, file)
  return { extents: sorted, metadata: metadataOf(metadata ?? {}, file) }
}

/** Text that is not UTF-8 is harmless in metadata: it does not refuse the weights. */
function decode(bytes: Uint8Array): { text: string; whole: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), whole: true }
  } catch {
    return { text: new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes), whole: false }
  }
}

function metadataOf(value: unknown, file: string): Record<string, string> {
  if (!isJsonObject(value) || !Object.values(value).every((each) => typeof each === 'string')) {
    throw new CheckpointError('metadata must map strings to strings', { where: `${file}: ${METADATA}` })
  }
  return value as Record<string, string>
}

/**
 * Where the value of a metadata entry begins in a header that is written without spaces; -1 if there is none.
 * Quotes within other values are escaped, so the first place is the one.
 */
export function findMetadata(file: Uint8Array, key: string): number {
  const wanted = new TextEncoder().encode(`"${key}":"`)
  for (let at = file.indexOf(wanted[0]); at >= 0; at = file.indexOf(wanted[0], at + 1)) {
    if (wanted.every((byte, i) => file[at + i] === byte)) return at + wanted.length
  }
  return -1
}

const FIELDS = ['dtype', 'shape', 'data_offsets'] as const
type Fields = Partial<Record<(typeof FIELDS)[number], unknown>>

/** Reads one tensor's description, and checks it against itself and the length of the data. */
function readExtent(reader: JsonReader, name: string, dataLength: number, file: string): Extent {
  const refuse = (rule: string, expected?: unknown, found?: unknown): never => {
    throw new CheckpointError(rule, { where: `${file}: ${clip(name)}`, expected, found })
  }
  const fields: Fields = {}
  if (!reader.atObject) return refuse('the header entry is no object')
  reader.members((key, offset) => {
    const field = FIELDS.find((each) => each === key)
    if (!field) return reader.skip()
    if (Object.hasOwn(fields, field)) reader.fail(`the key ${field} stands twice`, offset)
    fields[field] = reader.value()
  })
  const missing = FIELDS.find((field) => !Object.hasOwn(fields, field))
  if (missing) refuse(`the header entry has no ${missing}`)
  const { dtype, shape, data_offsets: offsets } = fields
  const bits = typeof dtype === 'string' ? bitsOf(dtype) : undefined
  if (typeof dtype !== 'string' || bits === undefined) {
    return refuse('unknown dtype', [...STORED_TYPES.keys()], show(dtype))
  }
  if (!isCounts(shape) || shape.length > MAX_RANK) {
    return refuse(
      `shape must be a list of non-negative integers, at most ${MAX_RANK}`,
      undefined,
      show(shape),
    )
  }
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return refuse('data_offsets must be two non-negative integers in order', undefined, show(offsets))
  }
  const [begin, end] = offsets as readonly [number, number]
  if (end > dataLength) refuse('data_offsets go past the end of the file', `at most ${dataLength}`, end)
  const bytes = byteLength(bits, shape)
  if (!Number.isSafeInteger(bytes * 8)) refuse('the shape is too large', undefined, show(shape))
  if (bytes !== end - begin) {
    refuse(
      'dtype and shape do not fit data_offsets',
      `${bytes} bytes for ${dtype} ${showShape(shape)}`,
      end - begin,
    )
  }
  return { name, dtype, shape, begin, end }
}

function bitsOf(dtype: string): number | undefined {
  const type = STORED_TYPES.get(dtype)
  return type ? 8 * type.bytes : UNREAD_BITS.get(dtype)
}

/** Infinity where the numbers on the way are not exact, also if a zero follows. */
function byteLength(bits: number, shape: Shape): number {
  let length = bits
  for (const axis of shape) {
    length *= axis
    if (!Number.isSafeInteger(length)) return Number.POSITIVE_INFINITY
  }
  return length / 8
}

/** The data must be covered without gaps or overlaps, so that nothing can hide in a file. */
function expectCovered(extents: readonly Extent[], dataLength: number, file: string): void {
  let covered = 0
  for (const { name, begin, end } of extents) {
    if (begin !== covered) {
      const rule =
        begin < covered ? 'the data overlap those of another tensor' : 'unused bytes before the data'
      throw new CheckpointError(rule, {
        where: `${file}: ${clip(name)}`,
        expected: `begin at ${covered}`,
        found: begin,
      })
    }
    covered = end
  }
  if (covered !== dataLength) {
    throw new CheckpointError('bytes after the last tensor', {
      where: file,
      expected: covered,
      found: dataLength,
    })
  }
}

/** A list of non-negative integers that are exact. */
function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0)
}

const show = (value: unknown): string =>
  clip(JSON.stringify(Array.isArray(value) ? value.slice(0, 70) : value) ?? 'nothing')
