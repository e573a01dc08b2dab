/**
 * GGUF files: counts, metadata, a list of tensors, and their data. Only the front is read at first; what it
 * says is checked against the length of the file before anything is allocated by it.
 */
import { CheckpointError } from '../../errors.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'
import { CheckedRange } from '../crc32.ts'
import { clip } from '../json.ts'
import { sourceOf, type FileLike, type FileSource, type Staging } from '../source.ts'
import { unreadType, type StoredTensor } from '../stored.ts'
import { someOf, warnOnConsole, type Warn } from '../warn.ts'
import { expectTensor, takeChecksums } from './checksums.ts'
import { HeaderCursor } from './cursor.ts'
import { align, alignmentOf, byteLength, MAGIC, MAX_AXES, VERSION } from './layout.ts'
import { showTensorType, TENSOR_TYPES, type GgufTensorType } from './types.ts'
import { plainValue, readValue, type GgufValue, type TypedGgufValue } from './values.ts'

/** A GGUF file: its metadata, and its tensors by name. */
export interface Gguf {
  readonly version: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** The same with the types that the file gives them, as a writer takes it. */
  readonly typedMetadata: ReadonlyMap<string, TypedGgufValue>
  /** Keys whose texts are not UTF-8: they have U+FFFD in place of what is not. */
  readonly broken: ReadonlySet<string>
  /** In the order of the file. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
}

/** What published files are far from: a few dozen keys and a few thousand tensors. */
const MAX_KEYS = 2 ** 16
const MAX_TENSORS = 2 ** 16
const MAX_NAME = 65_535
/** What a key with its value, and the description of a tensor, take at least. */
const LEAST_KEY = 8 + 4 + 1
const LEAST_TENSOR = 8 + 4 + 4 + 8

interface Extent {
  readonly name: string
  /** What errors and lists call the type. */
  readonly dtype: string
  /** undefined: a type that is not read. Such tensors may stand in a file unused. */
  readonly type: GgufTensorType | undefined
  readonly shape: Shape
  /** Bytes from the start of the data. */
  readonly offset: number
  /** Of a type that is not read, 0: nobody knows. */
  readonly length: number
}

/**
 * Reads the header of a file; tensors are read when they are asked for. `name` is what errors call the file.
 * In a file that Sidewinder wrote, the checksum of the header is compared here, and that of a tensor when its
 * last number is read; its metadata are without them. `onWarning` is told of texts that are not UTF-8.
 * Default: `console.warn`.
 *
 * @throws CheckpointError naming file and key or tensor, what was expected and what was found
 */
export async function readGguf(
  file: FileLike,
  name = 'model.gguf',
  onWarning: Warn = warnOnConsole,
): Promise<Gguf> {
  const source = sourceOf(file)
  const cursor = new HeaderCursor(source, name)
  const version = await readVersion(cursor)
  const tensorCount = await cursor.count('the number of tensors', LEAST_TENSOR, MAX_TENSORS)
  const typedMetadata = await readMetadata(cursor)
  const alignment = alignmentOf(typedMetadata, `${name}: `)
  const extents = await readExtents(cursor, tensorCount, alignment)
  const headerEnd = cursor.position
  const dataStart = align(headerEnd, alignment)
  const place = { source, headerEnd, dataStart }
  const sums = await takeChecksums(typedMetadata, extents.length, place, name, onWarning)
  expectPlaced(extents, source.size - dataStart, name)
  const { broken } = cursor
  if (broken.size > 0) onWarning(`[${name}] texts that are not UTF-8: ${someOf([...broken])}`)
  return {
    version,
    metadata: new Map([...typedMetadata].map(([key, value]) => [key, plainValue(value)])),
    typedMetadata,
    broken,
    tensors: new Map(
      extents.map((extent, i) => [
        extent.name,
        storedTensor(extent, { source, dataStart, name, sum: sums?.[i] }),
      ]),
    ),
  }
}

async function readVersion(cursor: HeaderCursor): Promise<number> {
  if (cursor.left < 24) cursor.refuse('not a GGUF file: too short', '24 bytes or more', cursor.left)
  const magic = await cursor.uint32()
  if (magic !== MAGIC) {
    cursor.refuse('not a GGUF file: it begins with other bytes', hex(MAGIC), hex(magic))
  }
  const version = await cursor.uint32()
  if (version === 2 || version === VERSION) return version
  // Files of a big-endian machine have the low byte of a small number last.
  const found = version !== 0 && (version & 0xffff) === 0 ? `${hex(version)}: a big-endian file` : version
  return cursor.refuse('this version of GGUF is not read', '2 or 3, little-endian', found)
}

const hex = (word: number): string => `0x${word.toString(16).padStart(8, '0')}`

async function readMetadata(cursor: HeaderCursor): Promise<Map<string, TypedGgufValue>> {
  const count = await cursor.count('the number of metadata keys', LEAST_KEY, MAX_KEYS)
  const metadata = new Map<string, TypedGgufValue>()
  cursor.what = 'the first key'
  while (metadata.size < count) {
    const key = await cursor.text('the key', MAX_NAME)
    cursor.what = clip(key)
    if (metadata.has(key)) cursor.refuse('the key stands twice')
    metadata.set(key, await readValue(cursor))
    cursor.what = `the key after ${clip(key)}`
  }
  cursor.what = undefined
  return metadata
}

async function readExtents(cursor: HeaderCursor, count: number, alignment: number): Promise<Extent[]> {
  const extents: Extent[] = []
  const names = new Set<string>()
  cursor.what = 'the first tensor'
  while (extents.length < count) {
    const name = await cursor.text('the name', MAX_NAME)
    cursor.what = clip(name)
    if (names.has(name)) cursor.refuse('the tensor stands twice')
    names.add(name)
    extents.push(await readExtent(cursor, name, alignment))
    cursor.what = `the tensor after ${clip(name)}`
  }
  return extents
}

/** What follows the name of a tensor: its axes, fastest first, its type and where its data begin. */
async function readExtent(cursor: HeaderCursor, name: string, alignment: number): Promise<Extent> {
  const rank = await cursor.uint32()
  if (rank > MAX_AXES) cursor.refuse('too many axes', `at most ${MAX_AXES}`, rank)
  const axes: number[] = []
  while (axes.length < rank) axes.push(await cursor.uint64('an axis'))
  const shape = axes.toReversed()
  const id = await cursor.uint32()
  const type = TENSOR_TYPES.get(id)
  const refuse = (rule: string, expected?: unknown, found?: unknown): never =>
    cursor.refuse(rule, expected, found)
  const length = type ? byteLength(type, shape, refuse) : 0
  const offset = await cursor.uint64('the offset of the data')
  if (offset % alignment !== 0) {
    cursor.refuse('the data begin at a wrong offset', `a multiple of ${alignment}`, offset)
  }
  return { name, dtype: type?.name ?? showTensorType(id), type, shape, offset, length }
}

/** The data must lie within the file, apart from each other. */
function expectPlaced(extents: readonly Extent[], dataLength: number, file: string): void {
  let last: Extent | undefined
  for (const extent of extents.toSorted((a, b) => a.offset - b.offset || a.length - b.length)) {
    const { name, offset, length } = extent
    const where = `${file}: ${clip(name)}`
    if (offset + length > dataLength) {
      throw new CheckpointError('the file ends before the data of the tensor do', {
        where,
        expected: `${length} bytes at ${offset} of the data`,
        found: `${Math.max(dataLength, 0)} bytes of data in all`,
      })
    }
    const covered = last ? last.offset + last.length : 0
    if (offset < covered) {
      throw new CheckpointError(`the data overlap those of ${clip(last!.name)}`, {
        where,
        expected: `an offset of ${covered} or more`,
        found: offset,
      })
    }
    last = extent
  }
}

interface Place {
  readonly source: FileSource
  readonly dataStart: number
  /** What errors call the file. */
  readonly name: string
  /** The checksum of the data, if the file has one. */
  readonly sum: number | undefined
}

function storedTensor(extent: Extent, { source, dataStart, name, sum }: Place): StoredTensor {
  const { dtype, type, shape, offset, length } = extent
  const where = `${name}: ${clip(extent.name)}`
  if (!type) return { dtype, shape, bytes: 0, unread: true, read: async () => unreadType(dtype, where) }
  const size = sizeOf(shape)
  const start = dataStart + offset
  const data =
    sum === undefined
      ? source
      : new CheckedRange(source, start, start + length, (found) => expectTensor(sum, found, where))
  const raw = async (begin: number, end: number, staging?: Staging): Promise<Uint8Array<ArrayBuffer>> => {
    if (begin < 0 || begin > end || end > size || begin % type.block !== 0 || end % type.block !== 0) {
      throw new CheckpointError(`elements of ${type.name} are read in whole blocks`, {
        where,
        expected: `multiples of ${type.block} up to ${size}`,
        found: `${begin} to ${end}`,
      })
    }
    const at = (element: number): number => start + (element / type.block) * type.bytes
    return data.read(at(begin), at(end), staging)
  }
  const read: StoredTensor['read'] = async (begin = 0, end = size, staging) =>
    type.decode(await raw(begin, end, staging), where, staging)
  return { dtype, shape, read, raw }
}
