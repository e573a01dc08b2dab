/**
 * safetensors files: 8 bytes of length, a JSON header that describes the tensors, and their data. What the
 * header says is checked before anything is read or allocated by it.
 */
import { CheckpointError } from '../errors.ts'
import { showShape, sizeOf, type Shape } from '../tensor/shape.ts'
import { STORED_TYPES } from './dtypes.ts'
import { clip, isJsonObject, parseJson, type JsonObject } from './json.ts'
import { decodeText, sourceOf, type FileLike, type FileSource } from './source.ts'
import type { StoredTensor } from './stored.ts'

/** Tensors by name, in the order of their data. */
export type Safetensors = ReadonlyMap<string, StoredTensor> & {
  readonly metadata: Readonly<Record<string, string>>
}

/** What the format allows a header to be. */
const MAX_HEADER = 100_000_000
export const METADATA = '__metadata__'

interface Extent {
  readonly name: string
  readonly dtype: string
  readonly shape: Shape
  /** Bytes from the start of the data. */
  readonly begin: number
  readonly end: number
}

/**
 * Reads the header of a file; tensors are read when they are asked for. `name` is what errors call the file.
 *
 * @throws CheckpointError naming file and tensor, what was expected and what was found
 */
export async function readSafetensors(file: FileLike, name = 'safetensors'): Promise<Safetensors> {
  const source = sourceOf(file)
  const dataStart = 8 + (await headerLength(source, name))
  const header = parseHeader(await source.read(8, dataStart), name)
  const extents = Object.entries(header)
    .filter(([tensor]) => tensor !== METADATA)
    .map(([tensor, entry]) => extentOf(tensor, entry, source.size - dataStart, name))
  extents.sort((a, b) => a.begin - b.begin || a.end - b.end)
  expectCovered(extents, source.size - dataStart, name)
  const tensors = new Map<string, StoredTensor>()
  for (const extent of extents) tensors.set(extent.name, storedTensor(extent, source, dataStart, name))
  return Object.assign(tensors, { metadata: metadataOf(header, name) })
}

async function headerLength(source: FileSource, where: string): Promise<number> {
  if (source.size < 8) {
    throw new CheckpointError('not a safetensors file: too short', {
      where,
      expected: '8 bytes or more',
      found: source.size,
    })
  }
  const bytes = await source.read(0, 8)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  const most = Math.min(MAX_HEADER, source.size - 8)
  if (length < 2n || length > BigInt(most)) {
    throw new CheckpointError('not a safetensors file, or cut off: impossible header length', {
      where,
      expected: `2 to ${most} bytes`,
      found: length,
    })
  }
  return Number(length)
}

function parseHeader(bytes: Uint8Array, where: string): JsonObject {
  const text = decodeText(bytes, `${where}: header`)
  const fail = (rule: string, offset: number): never => {
    throw new CheckpointError(`bad header: ${rule} at character ${offset}`, { where })
  }
  if (!text.startsWith('{')) fail('not a JSON object', 0)
  return parseJson(text, { fail, uniqueKeys: true }) as JsonObject
}

function metadataOf(header: JsonObject, where: string): Record<string, string> {
  const metadata = Object.hasOwn(header, METADATA) ? header[METADATA] : {}
  if (!isJsonObject(metadata) || !Object.values(metadata).every((value) => typeof value === 'string')) {
    throw new CheckpointError('metadata must map strings to strings', { where: `${where}: ${METADATA}` })
  }
  return metadata as Record<string, string>
}

/** Checks one tensor's description against itself and the length of the data. */
function extentOf(name: string, entry: unknown, dataLength: number, file: string): Extent {
  const refuse = (rule: string, expected?: unknown, found?: unknown): never => {
    throw new CheckpointError(rule, { where: `${file}: ${clip(name)}`, expected, found })
  }
  const field = (key: string): unknown =>
    isJsonObject(entry) && Object.hasOwn(entry, key) ? entry[key] : refuse(`the header entry has no ${key}`)
  const dtype = field('dtype')
  const type = typeof dtype === 'string' ? STORED_TYPES.get(dtype) : undefined
  if (typeof dtype !== 'string' || !type)
    return refuse('unknown dtype', [...STORED_TYPES.keys()], show(dtype))
  const shape = field('shape')
  if (!isCounts(shape)) return refuse('shape must be a list of non-negative integers', undefined, show(shape))
  const offsets = field('data_offsets')
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0] > offsets[1]) {
    return refuse('data_offsets must be two non-negative integers in order', undefined, show(offsets))
  }
  const [begin, end] = offsets as readonly [number, number]
  if (end > dataLength) refuse('data_offsets go past the end of the file', `at most ${dataLength}`, end)
  let bytes = type.bytes
  for (const axis of shape) {
    bytes *= axis
    if (!Number.isSafeInteger(bytes)) refuse('the shape is too large', undefined, show(shape))
  }
  if (bytes !== end - begin) {
    refuse(
      'dtype and shape do not fit data_offsets',
      `${bytes} bytes for ${dtype} ${showShape(shape)}`,
      end - begin,
    )
  }
  return { name, dtype, shape, begin, end }
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

function storedTensor(extent: Extent, source: FileSource, dataStart: number, file: string): StoredTensor {
  const { name, dtype, shape, begin } = extent
  const type = STORED_TYPES.get(dtype)!
  const size = sizeOf(shape)
  const raw: StoredTensor['raw'] = (first, last, staging) => {
    const start = dataStart + begin
    return source.read(start + first * type.bytes, start + last * type.bytes, staging)
  }
  const read: StoredTensor['read'] = async (first = 0, last = size, staging) =>
    type.decode(await raw(first, last, staging), `${file}: ${clip(name)}`, staging)
  return { dtype, shape, read, raw }
}

/** A list of non-negative integers that are exact. */
function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0)
}

const show = (value: unknown): string => clip(JSON.stringify(value) ?? 'nothing')
