/**
 * safetensors files: 8 bytes of length, a JSON header that describes the tensors, and their data. What the header says is
 * checked before anything is read or allocated by it.
 */
import { CheckpointError } from '../errors.ts'
import { showShape, sizeOf, type Shape } from '../tensor/shape.ts'
import { STORED_TYPES } from './dtypes.ts'
import { clip, isJsonObject, parseJson, type JsonObject } from './json.ts'
import { decodeText, sourceOf, type FileLike, type FileSource } from './source.ts'

/** A tensor in a file. Its data stay there until they are asked for. */
export interface StoredTensor {
  /** As the file says it: `F32`, `BF16`, `I64`, ... */
  readonly dtype: string
  readonly shape: Shape
  /** The values, row-major: Float32Array for floating-point types, Int32Array for integers and booleans. */
  read(): Promise<Float32Array | Int32Array>
}

/** Tensors by name, in the order of their data. */
export type Safetensors = ReadonlyMap<string, StoredTensor> & {
  readonly metadata: Readonly<Record<string, string>>
}

/** What the format allows a header to be. */
const MAX_HEADER = 100_000_000
const METADATA = '__metadata__'

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
  const { name, dtype, shape, begin, end } = extent
  const read = async (): Promise<Float32Array | Int32Array> => {
    const bytes = await source.read(dataStart + begin, dataStart + end)
    return STORED_TYPES.get(dtype)!.decode(bytes, `${file}: ${clip(name)}`)
  }
  return { dtype, shape, read }
}

/** A list of non-negative integers that are exact. */
function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => Number.isSafeInteger(each) && each >= 0)
}

const show = (value: unknown): string => clip(JSON.stringify(value) ?? 'nothing')

/** A tensor to be written: values row-major, F32 or I32 by the kind of array. */
export interface TensorToStore {
  readonly shape: Shape
  readonly data: Float32Array | Int32Array
}

/**
 * The bytes of a safetensors file. Tensors are laid out as the Python library does: by dtype, then by name; the same tensors
 * give the same bytes.
 *
 * @throws CheckpointError if values do not fill their shape
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToStore>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder()
  const sorted = [...tensors].map(([name, each]) => {
    if (name === METADATA) throw new CheckpointError('a tensor may not have this name', { where: name })
    if (sizeOf(each.shape) !== each.data.length) {
      throw new CheckpointError('values do not fill the shape', {
        where: clip(name),
        expected: `${sizeOf(each.shape)} for ${showShape(each.shape)}`,
        found: each.data.length,
      })
    }
    return { ...each, name, key: text.encode(name), dtype: each.data instanceof Int32Array ? 'I32' : 'F32' }
  })
  // F32 comes before I32: the larger of the library's types first.
  sorted.sort((a, b) => compareText(a.dtype, b.dtype) || compareBytes(a.key, b.key))

  const entries: string[] = []
  const pairs = Object.entries(metadata).toSorted(([a], [b]) => compareText(a, b))
  if (pairs.length > 0) {
    entries.push(
      `"${METADATA}":{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join()}}`,
    )
  }
  let end = 0
  for (const { name, dtype, shape, data } of sorted) {
    const entry = { dtype, shape, data_offsets: [end, (end += data.byteLength)] }
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  }
  const header = text.encode(`{${entries.join()}}`)
  // Data begin at a multiple of 8.
  const headerLength = Math.ceil(header.length / 8) * 8

  const file = new Uint8Array(8 + headerLength + end)
  new DataView(file.buffer).setBigUint64(0, BigInt(headerLength), true)
  file.fill(0x20, 8, 8 + headerLength)
  file.set(header, 8)
  let at = 8 + headerLength
  for (const { data } of sorted) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at)
    at += data.byteLength
  }
  return file
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((byte, i) => byte !== b[i])
  return differs < 0 ? a.length - b.length : a[differs] - (b[differs] ?? -1)
}
