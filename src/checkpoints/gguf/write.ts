/**
 * Writes GGUF files of version 3, piece by piece: no more is in memory than the header and a piece of a
 * tensor.
 */
import { CheckpointError } from '../../errors.ts'
import type { Shape } from '../../tensor/shape.ts'
import { clip } from '../json.ts'
import { align, alignmentOf, byteLength, MAGIC, MAX_AXES, VERSION } from './layout.ts'
import { TENSOR_TYPES_BY_NAME, type GgufDType, type GgufTensorType } from './types.ts'
import { NUMBER_FORMATS, VALUE_TYPES, type GgufNumberType, type TypedGgufValue } from './values.ts'

/** A tensor to be written. */
export interface GgufTensorPlan {
  readonly name: string
  readonly dtype: GgufDType
  /** Outermost axis first. */
  readonly shape: Shape
  /** Its values as they are to be stored, in pieces of any length. */
  bytes(): AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

/** What stands before the data, and what the data are. */
interface WrittenHeader {
  readonly bytes: Uint8Array
  /** Bytes at its end that align the data. */
  readonly padding: number
  readonly alignment: number
  /** Of the data of each tensor. */
  readonly lengths: readonly number[]
}

/**
 * The header of a file. Metadata and tensors keep their order: the same ones give the same bytes. The data
 * are aligned by `general.alignment`, or else to 32 bytes.
 *
 * @throws CheckpointError naming the key or tensor that does not fit its type or shape
 */
export function writeHeader(
  metadata: ReadonlyMap<string, TypedGgufValue>,
  tensors: readonly GgufTensorPlan[],
): WrittenHeader {
  const alignment = alignmentOf(metadata)
  const header = new ByteWriter()
  header.number('UINT32', MAGIC)
  header.number('UINT32', VERSION)
  header.number('UINT64', tensors.length)
  header.number('UINT64', metadata.size)
  for (const [key, value] of metadata) {
    writeText(header, key, key)
    header.number('UINT32', VALUE_TYPES.indexOf(value.type))
    writeValue(header, value, key)
  }
  const lengths = writeDescriptions(header, tensors, alignment)
  const padding = header.pad(alignment)
  return { bytes: header.done(), padding, alignment, lengths }
}

/** The data, each piece with the number of its tensor; undefined for what aligns the next one. */
export async function* dataParts(
  tensors: readonly GgufTensorPlan[],
  { lengths, alignment }: Pick<WrittenHeader, 'lengths' | 'alignment'>,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly of: number | undefined }, void, void> {
  for (const [of, tensor] of tensors.entries()) {
    for await (const bytes of dataOf(tensor, lengths[of])) yield { bytes, of }
    const padding = align(lengths[of], alignment) - lengths[of]
    if (padding > 0) yield { bytes: new Uint8Array(padding), of: undefined }
  }
}

/** Names, axes, types and places; gives the lengths of the data. */
function writeDescriptions(
  header: ByteWriter,
  tensors: readonly GgufTensorPlan[],
  alignment: number,
): number[] {
  const names = new Set<string>()
  let offset = 0
  return tensors.map((tensor) => {
    const { name, shape } = tensor
    if (names.has(name)) refuse(name, 'the tensor stands twice')
    names.add(name)
    const type = typeOf(tensor)
    if (shape.length > MAX_AXES) refuse(name, 'too many axes', `at most ${MAX_AXES}`, shape.length)
    writeText(header, name, name)
    header.number('UINT32', shape.length)
    for (const axis of shape.toReversed()) writeNumber(header, 'UINT64', axis, name)
    header.number('UINT32', type.id)
    header.number('UINT64', offset)
    const length = byteLength(type, shape, (rule, expected, found) => refuse(name, rule, expected, found))
    offset += align(length, alignment)
    return length
  })
}

function typeOf({ name, dtype }: GgufTensorPlan): GgufTensorType {
  return (
    TENSOR_TYPES_BY_NAME.get(dtype) ??
    refuse(name, 'unknown type of tensor', [...TENSOR_TYPES_BY_NAME.keys()], dtype)
  )
}

async function* dataOf(tensor: GgufTensorPlan, length: number): AsyncGenerator<Uint8Array, void, void> {
  let written = 0
  for await (const piece of tensor.bytes()) {
    written += piece.length
    if (written > length) break
    yield piece
  }
  if (written !== length) refuse(tensor.name, 'the bytes do not fill the shape', length, written)
}

function writeValue(to: ByteWriter, typed: TypedGgufValue, key: string): void {
  if (typed.type === 'STRING') writeText(to, typed.value, key)
  else if (typed.type === 'BOOL') to.number('UINT8', typed.value ? 1 : 0)
  else if (typed.type !== 'ARRAY') writeNumber(to, typed.type, typed.value, key)
  else {
    to.number('UINT32', VALUE_TYPES.indexOf(typed.of))
    to.number('UINT64', typed.value.length)
    if (typed.of === 'STRING') for (const each of typed.value) writeText(to, each, key)
    else if (typed.of === 'BOOL') for (const each of typed.value) to.number('UINT8', each ? 1 : 0)
    else if (typed.of === 'ARRAY') for (const each of typed.value) writeValue(to, each, key)
    else for (const each of typed.value) writeNumber(to, typed.of, each, key)
  }
}

function writeNumber(to: ByteWriter, type: GgufNumberType, value: number, key: string): void {
  if (!NUMBER_FORMATS[type].fits(value)) refuse(key, `the value is not a ${type}`, undefined, value)
  to.number(type, value)
}

function writeText(to: ByteWriter, text: string, key: string): void {
  // Half a surrogate pair: UTF-8 has none.
  if (/\p{Surrogate}/u.test(text)) refuse(key, 'the text is not Unicode', undefined, JSON.stringify(text))
  to.text(text)
}

function refuse(what: string, rule: string, expected?: unknown, found?: unknown): never {
  throw new CheckpointError(rule, { where: clip(what), expected, found })
}

const UTF8 = new TextEncoder()

/** Bytes that grow. */
class ByteWriter {
  #bytes = new Uint8Array(64 * 1024)
  #view = new DataView(this.#bytes.buffer)
  #length = 0

  number(type: GgufNumberType, value: number): void {
    const { bytes, set } = NUMBER_FORMATS[type]
    const at = this.#room(bytes)
    set(this.#view, at, value)
  }

  /** Its length in bytes, then UTF-8. */
  text(text: string): void {
    const bytes = UTF8.encode(text)
    this.number('UINT64', bytes.length)
    const at = this.#room(bytes.length)
    this.#bytes.set(bytes, at)
  }

  /** Zeros up to a multiple of `alignment`; gives their number. */
  pad(alignment: number): number {
    const padding = align(this.#length, alignment) - this.#length
    this.#room(padding)
    return padding
  }

  done(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Where the next `bytes` go. */
  #room(bytes: number): number {
    const at = this.#length
    this.#length += bytes
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length))
      grown.set(this.#bytes)
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    return at
  }
}
