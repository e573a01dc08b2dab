/**
 * safetensors files: 8 bytes of length, a JSON header that describes the tensors, and their data. What the
 * header says is checked before anything is read or allocated by it.
 */
import { CheckpointError } from '../errors.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import { CheckedRange } from './crc32.ts'
import { STORED_TYPES } from './dtypes.ts'
import { clip } from './json.ts'
import { expectTensor, readChecksums, withoutChecksums } from './safetensors-checksums.ts'
import { readHeader, type Extent } from './safetensors-header.ts'
import { sourceOf, type FileLike, type FileSource, type Staging } from './source.ts'
import { unreadType, type StoredTensor } from './stored.ts'
import { warnOnConsole, type Warn } from './warn.ts'

/** Tensors by name, in the order of their data. */
export type Safetensors = ReadonlyMap<string, StoredTensor> & {
  readonly metadata: Readonly<Record<string, string>>
}

/** What the format allows a header to be. */
const MAX_HEADER = 100_000_000

/**
 * Reads the header of a file; tensors are read when they are asked for. `name` is what errors call the file.
 * In a file that Sidewinder wrote, the checksum of the header is compared here, and that of a tensor when its
 * last number is read; its metadata are without them. `onWarning` is told of what is harmless and not as the
 * format wants it. Default: `console.warn`.
 *
 * @throws CheckpointError naming file and tensor, what was expected and what was found
 */
export async function readSafetensors(
  file: FileLike,
  name = 'safetensors',
  onWarning: Warn = warnOnConsole,
): Promise<Safetensors> {
  const source = sourceOf(file)
  const start = 8 + (await headerLength(source, name))
  const bytes = await source.read(8, start)
  const header = readHeader(bytes, source.size - start, name, onWarning)
  const sums = readChecksums(bytes, header, name, onWarning)
  const place: Place = { source, start, file: name }
  const tensors = new Map<string, StoredTensor>()
  for (const [i, extent] of header.extents.entries()) {
    tensors.set(extent.name, new TensorInFile(extent, place, sums?.[i]))
  }
  return Object.assign(tensors, { metadata: withoutChecksums(header.metadata) })
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

/** Where the data of a file begin. */
interface Place {
  readonly source: FileSource
  readonly start: number
  readonly file: string
}

class TensorInFile implements StoredTensor {
  readonly #extent: Extent
  readonly #place: Place
  readonly #bytes: Pick<FileSource, 'read'>

  constructor(extent: Extent, place: Place, sum: number | undefined) {
    this.#extent = extent
    this.#place = place
    const { source, start } = place
    this.#bytes =
      sum === undefined
        ? source
        : new CheckedRange(source, start + extent.begin, start + extent.end, (found) =>
            expectTensor(sum, found, this.#where),
          )
  }

  get #where(): string {
    return `${this.#place.file}: ${clip(this.#extent.name)}`
  }

  get dtype(): string {
    return this.#extent.dtype
  }

  get shape(): Shape {
    return this.#extent.shape
  }

  get bytes(): number {
    return this.#extent.end - this.#extent.begin
  }

  get unread(): boolean {
    return !STORED_TYPES.has(this.#extent.dtype)
  }

  async read(first = 0, last = sizeOf(this.shape), staging?: Staging): Promise<Float32Array | Int32Array> {
    const type = STORED_TYPES.get(this.dtype) ?? unreadType(this.dtype, this.#where)
    return type.decode(await this.raw(first, last, staging), this.#where, staging)
  }

  raw(first: number, last: number, staging?: Staging): Promise<Uint8Array<ArrayBuffer>> {
    const { dtype, begin } = this.#extent
    const { bytes } = STORED_TYPES.get(dtype) ?? unreadType(dtype, this.#where)
    const start = this.#place.start + begin
    return this.#bytes.read(start + first * bytes, start + last * bytes, staging)
  }
}
