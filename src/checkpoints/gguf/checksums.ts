/**
 * The checksums of a GGUF file that Sidewinder wrote: a CRC-32 of each tensor under a key of its own, which
 * other programs skip, and one of the header in the last bytes before the data, where others write zeros.
 *
 * A program that quantises a file copies its keys. What it writes is no damaged file: it is told by the
 * zeros.
 */
import { crc32, crc32Of, damaged, expectCrc32 } from '../crc32.ts'
import type { FileSource } from '../source.ts'
import type { Warn } from '../warn.ts'
import type { TypedGgufValue } from './values.ts'
import { dataParts, writeHeader, type GgufTensorPlan } from './write.ts'

/** A list of UINT32: where the data begin, the checksums in the order of the file, and up to two zeros. */
const KEY = 'sidewinder.crc32'
/** What stands before the checksum of the header. */
const MARK = 0x32335243
/** Bytes of both. */
const SEAL = 8

const HINT = `Copy or download it again. A program that changes it on purpose must write the header anew, without ${KEY}`

type Metadata = ReadonlyMap<string, TypedGgufValue>

/**
 * The parts of a file, one after the other. Checksums are known in the end: what is returned then replaces
 * the first part.
 *
 * @throws CheckpointError naming the key or tensor that does not fit its type or shape
 */
export async function* sealedGgufParts(
  metadata: Metadata,
  tensors: readonly GgufTensorPlan[],
): AsyncGenerator<Uint8Array, Uint8Array, void> {
  const sums = Array.from(tensors, () => 0)
  const header = sealedHeader(metadata, tensors, sums)
  yield header.bytes
  for await (const { bytes, of } of dataParts(tensors, header)) {
    if (of !== undefined) sums[of] = crc32(bytes, sums[of])
    yield bytes
  }
  return sealedHeader(metadata, tensors, sums).bytes
}

type WrittenHeader = ReturnType<typeof writeHeader>

/** Where the data are aligned to less than 16 bytes, there may be no room: such a file has no checksums. */
function sealedHeader(
  metadata: Metadata,
  tensors: readonly GgufTensorPlan[],
  sums: readonly number[],
): WrittenHeader {
  const withSums = (value: readonly number[]): WrittenHeader =>
    writeHeader(new Map([...metadata, [KEY, { type: 'ARRAY', of: 'UINT32', value }]]), tensors)
  let values = [0, ...sums]
  if (withSums(values).padding < SEAL) values = [...values, 0, 0]
  values[0] = withSums(values).bytes.length
  const header = withSums(values)
  if (header.padding < SEAL) return writeHeader(metadata, tensors)
  const { bytes } = header
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  view.setUint32(bytes.length - 8, MARK, true)
  view.setUint32(bytes.length - 4, crc32(bytes.subarray(0, -4)), true)
  return header
}

/** Where the header of a file ends, and where its data begin. */
interface Extent {
  readonly source: FileSource
  readonly headerEnd: number
  readonly dataStart: number
}

/**
 * The checksums of the tensors, in the order of the file; undefined if there are none, or another program
 * wrote the file. Takes them out of the metadata.
 *
 * @throws CheckpointError if the header is damaged
 */
export async function takeChecksums(
  metadata: Map<string, TypedGgufValue>,
  tensors: number,
  { source, headerEnd, dataStart }: Extent,
  file: string,
  warn: Warn,
): Promise<readonly number[] | undefined> {
  const found = metadata.get(KEY)
  metadata.delete(KEY)
  const [start, ...sums] = found?.type === 'ARRAY' && found.of === 'UINT32' ? found.value : []
  const seal = dataStart - headerEnd < SEAL ? undefined : await sealBefore(dataStart, source)
  // A damaged header may say that the data begin elsewhere, but not twice the same.
  const sealed = [seal, start === dataStart ? undefined : await sealBefore(start, source)].some(
    (each) => each?.mark === MARK,
  )
  if (!sealed && !(start === dataStart && seal && (seal.mark !== 0 || seal.crc !== 0))) {
    if (found) {
      warn(
        `[${file}] another program wrote the file, and kept checksums of Sidewinder: they are not compared`,
      )
    }
    return undefined
  }
  const where = `${file}: header`
  if (start !== dataStart || !seal || sums.length < tensors) damaged(where, HINT)
  expectCrc32(seal.crc, await crc32Of(source, 0, dataStart - 4), where, HINT)
  return sums
}

async function sealBefore(
  end: number | undefined,
  source: FileSource,
): Promise<{ readonly mark: number; readonly crc: number } | undefined> {
  if (end === undefined || end < SEAL || end > source.size) return undefined
  const bytes = await source.read(end - SEAL, end)
  const view = new DataView(bytes.buffer, bytes.byteOffset, SEAL)
  return { mark: view.getUint32(0, true), crc: view.getUint32(4, true) }
}

/** @throws CheckpointError unless the data of a tensor are those that were written */
export const expectTensor = (expected: number, found: number, where: string): void => {
  expectCrc32(expected, found, where, HINT)
}
