/**
 * Writing safetensors files: whole, or as a stream of parts, so that a large model is never twice in memory.
 */
import { CheckpointError } from '../errors.ts'
import { showShape, sizeOf, type Shape } from '../tensor/shape.ts'
import { crc32 } from './crc32.ts'
import { STORED_TYPES } from './dtypes.ts'
import { clip } from './json.ts'
import { checksumEntries, MARK, sealHeader } from './safetensors-checksums.ts'
import { METADATA } from './safetensors-header.ts'

/** A tensor to be written: values row-major, F32 or I32 by the kind of array. */
export interface TensorToStore {
  readonly shape: Shape
  readonly data: Float32Array | Int32Array
}

/** A tensor whose bytes come when their turn is there. */
export interface TensorPlan {
  readonly name: string
  /** As in `STORED_TYPES`. */
  readonly dtype: string
  readonly shape: Shape
  /** Little-endian bytes, row-major, in pieces. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

type Metadata = Readonly<Record<string, string>>

/**
 * The bytes of a safetensors file. Tensors are laid out as the Python library does: by dtype, then by name;
 * the same tensors give the same bytes. The metadata get a CRC-32 of each tensor, and one of the header, as
 * `sidewinder.crc32`. `readSafetensors` compares them.
 *
 * @throws CheckpointError if values do not fill their shape
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToStore>,
  metadata: Metadata = {},
): Uint8Array<ArrayBuffer> {
  const plans = plansOf(tensors)
  return join(
    plans,
    sealedHeader(plans, metadata, (each) => crc32(each.data)),
  )
}

/** The same without checksums, for what has one of its own. */
export function writePlainSafetensors(
  tensors: ReadonlyMap<string, TensorToStore>,
  metadata: Metadata = {},
): Uint8Array<ArrayBuffer> {
  const plans = plansOf(tensors)
  return join(plans, headerOf(plans, metadata))
}

type Plan = TensorPlan & { readonly data: Uint8Array }

/** In the order of the file. */
function plansOf(tensors: ReadonlyMap<string, TensorToStore>): readonly Plan[] {
  const plans = [...tensors].map(([name, { shape, data }]): Plan => {
    if (sizeOf(shape) !== data.length) {
      throw new CheckpointError('values do not fill the shape', {
        where: clip(name),
        expected: `${sizeOf(shape)} for ${showShape(shape)}`,
        found: data.length,
      })
    }
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    const dtype = data instanceof Int32Array ? 'I32' : 'F32'
    return { name, dtype, shape, data: bytes, bytes: () => [bytes] }
  })
  return inOrder(plans)
}

function join(plans: readonly Plan[], header: Uint8Array): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(header.length + plans.reduce((sum, { data }) => sum + data.length, 0))
  file.set(header)
  let at = header.length
  for (const { data } of plans) {
    file.set(data, at)
    at += data.length
  }
  return file
}

/** The header with checksums: `sumOf` gives that of a tensor. */
function sealedHeader<T extends TensorPlan>(
  plans: readonly T[],
  metadata: Metadata,
  sumOf: (plan: T) => number,
): Uint8Array {
  const header = headerOf(plans, { ...metadata, ...checksumEntries(plans.map(sumOf)) }, MARK)
  sealHeader(header)
  return header
}

/**
 * The same file as `writeSafetensors` gives, in parts. Checksums are known in the end: what is returned then
 * replaces the first part.
 */
export async function* safetensorsParts(
  plans: readonly TensorPlan[],
  metadata: Metadata = {},
): AsyncGenerator<Uint8Array, Uint8Array, void> {
  const sorted = inOrder(plans)
  const sums = new Map<TensorPlan, number>()
  yield sealedHeader(sorted, metadata, () => 0)
  for (const plan of sorted) {
    let left = byteLength(plan)
    let sum = 0
    for await (const bytes of plan.bytes()) {
      left -= bytes.length
      sum = crc32(bytes, sum)
      yield bytes
    }
    sums.set(plan, sum)
    if (left !== 0) {
      throw new CheckpointError('values do not fill the shape', {
        where: clip(plan.name),
        expected: `${byteLength(plan)} bytes`,
        found: byteLength(plan) - left,
      })
    }
  }
  return sealedHeader(sorted, metadata, (plan) => sums.get(plan)!)
}

/** Length of a tensor's data. */
export const byteLength = ({ dtype, shape }: Pick<TensorPlan, 'dtype' | 'shape'>): number =>
  sizeOf(shape) * STORED_TYPES.get(dtype)!.bytes

/** By dtype, the last of the library's types first, then by name. */
export function inOrder<T extends TensorPlan>(plans: readonly T[]): readonly T[] {
  const types = [...STORED_TYPES.keys()]
  const text = new TextEncoder()
  const keyed = plans.map((plan) => ({ plan, rank: types.indexOf(plan.dtype), key: text.encode(plan.name) }))
  return keyed.toSorted((a, b) => b.rank - a.rank || compareBytes(a.key, b.key)).map(({ plan }) => plan)
}

/**
 * Length and header, padded so that the data begin at a multiple of 8; with `more`, a multiple of 8, by so
 * many spaces more.
 */
export function headerOf(plans: readonly TensorPlan[], metadata: Metadata, more = 0): Uint8Array {
  const entries: string[] = []
  const pairs = Object.entries(metadata).toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (pairs.length > 0) {
    const written = pairs.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
    entries.push(`"${METADATA}":{${written.join()}}`)
  }
  let end = 0
  for (const { name, dtype, shape } of plans) {
    if (name === METADATA) throw new CheckpointError('a tensor may not have this name', { where: name })
    const entry = { dtype, shape, data_offsets: [end, (end += byteLength({ dtype, shape }))] }
    entries.push(`${JSON.stringify(name)}:${JSON.stringify(entry)}`)
  }
  const text = new TextEncoder().encode(`{${entries.join()}}`)
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8 + more).fill(0x20)
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true)
  header.set(text, 8)
  return header
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const differs = a.findIndex((byte, i) => byte !== b[i])
  return differs < 0 ? a.length - b.length : a[differs] - (b[differs] ?? -1)
}
