/**
 * Files as torch.save writes them, for tests and benchmarks: a zip of a pickle of protocol 2 and one record a
 * tensor. Contents can be functions, so that a file of any size can be described.
 */
import type { FileSource } from '../../src/checkpoints/source.ts'

/** Bytes that are made when they are asked for. */
export interface Filled {
  readonly bytes: number
  /** Writes the bytes from `offset` on to `into`. */
  fill(offset: number, into: Uint8Array): void
}

export type Part = Uint8Array | Filled

export interface TensorToPickle {
  readonly dtype: keyof typeof STORAGES
  readonly shape: readonly number[]
  /** Little-endian, row-major. */
  readonly data: Part
}

const STORAGES = {
  F32: { name: 'FloatStorage', bytes: 4 },
  F16: { name: 'HalfStorage', bytes: 2 },
  BF16: { name: 'BFloat16Storage', bytes: 2 },
  I64: { name: 'LongStorage', bytes: 8 },
} as const

const FOLDER = 'archive'
const ALIGNMENT = 64
const MAX_32 = 0xffffffff

const lengthOf = (part: Part): number => (part instanceof Uint8Array ? part.length : part.bytes)

/** A file in parts. Numbers that 32 bits cannot hold make it a 64-bit archive. */
export function pytorchParts(tensors: Iterable<readonly [string, TensorToPickle]>): Part[] {
  const list = [...tensors]
  return zipParts([
    [`${FOLDER}/data.pkl`, pickleStateDict(list)],
    [`${FOLDER}/byteorder`, text('little')],
    ...list.map(([, { data }], i) => [`${FOLDER}/data/${i}`, data] as const),
    [`${FOLDER}/version`, text('3\n')],
  ])
}

/** A small file. */
export function pytorchFile(tensors: Iterable<readonly [string, TensorToPickle]>): Uint8Array<ArrayBuffer> {
  return joinParts(pytorchParts(tensors))
}

export function joinParts(parts: readonly Part[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + lengthOf(part), 0))
  let at = 0
  for (const part of parts) {
    copyPart(part, 0, bytes.subarray(at, at + lengthOf(part)))
    at += lengthOf(part)
  }
  return bytes
}

function copyPart(part: Part, offset: number, into: Uint8Array): void {
  if (part instanceof Uint8Array) into.set(part.subarray(offset, offset + into.length))
  else part.fill(offset, into)
}

/** The parts one after the other, as a file that nobody holds. */
export function sourceOfParts(parts: readonly Part[]): FileSource {
  const starts = [0]
  for (const part of parts) starts.push(starts.at(-1)! + lengthOf(part))
  return {
    size: starts.at(-1)!,
    read(start, end, staging) {
      const bytes = staging ? staging.bytes(end - start) : new Uint8Array(end - start)
      for (const [i, part] of parts.entries()) {
        const [from, to] = [Math.max(start, starts[i]), Math.min(end, starts[i + 1])]
        if (from < to) copyPart(part, from - starts[i], bytes.subarray(from - start, to - start))
      }
      return Promise.resolve(bytes)
    },
  }
}

/** An archive of stored records, their data at multiples of 64. */
export function zipParts(records: readonly (readonly [string, Part])[]): Part[] {
  const parts: Part[] = []
  const directory: Uint8Array[] = []
  let at = 0
  const add = (part: Part): void => {
    parts.push(part)
    at += lengthOf(part)
  }
  for (const [record, data] of records) {
    const name = text(record)
    const length = lengthOf(data)
    directory.push(entryOf(name, length, at))
    add(headerOf(name, length, at))
    add(data)
  }
  const start = at
  for (const entry of directory) add(entry)
  const length = at - start
  if (start > MAX_32) {
    const counts = [...u64(records.length), ...u64(records.length)]
    const end = [...u32(0x06064b50), ...u64(44), ...u16(45), ...u16(45), ...u32(0), ...u32(0), ...counts]
    const locator = [...u32(0x07064b50), ...u32(0), ...u64(at), ...u32(1)]
    add(Uint8Array.of(...end, ...u64(length), ...u64(start), ...locator))
  }
  const counts = [...u16(records.length), ...u16(records.length)]
  add(
    Uint8Array.of(
      ...u32(0x06054b50),
      ...u16(0),
      ...u16(0),
      ...counts,
      ...u32(length),
      ...u32(start),
      ...u16(0),
    ),
  )
  return parts
}

/**
 * Version, flags, method, time, date, checksum (which torch does not check either), both sizes, length of the
 * name.
 */
const describe = (name: Uint8Array, length: number): number[] =>
  [
    [u16(45), u16(0), u16(0), u16(0), u16(0), u32(0)],
    [u32(length), u32(length), u16(name.length)],
  ].flat(2)

function headerOf(name: Uint8Array, length: number, offset: number): Uint8Array {
  const wide = length > MAX_32 ? [...u16(1), ...u16(16), ...u64(length), ...u64(length)] : []
  const data = offset + 30 + name.length + wide.length + 4
  const padding = (ALIGNMENT - (data % ALIGNMENT)) % ALIGNMENT
  const extra = [...wide, ...text('FB'), ...u16(padding), ...new Uint8Array(padding)]
  return Uint8Array.of(...u32(0x04034b50), ...describe(name, length), ...u16(extra.length), ...name, ...extra)
}

function entryOf(name: Uint8Array, length: number, offset: number): Uint8Array {
  const numbers = [...(length > MAX_32 ? [length, length] : []), ...(offset > MAX_32 ? [offset] : [])]
  const extra = numbers.length > 0 ? [...u16(1), ...u16(8 * numbers.length), ...numbers.flatMap(u64)] : []
  const fixed = [...u32(0x02014b50), ...u16(45), ...describe(name, length), ...u16(extra.length)]
  return Uint8Array.of(
    ...fixed,
    ...u16(0),
    ...u16(0),
    ...u16(0),
    ...u32(0),
    ...u32(offset),
    ...name,
    ...extra,
  )
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)
const u16 = (value: number): number[] => [value & 255, value >> 8]
/** Saturates, as zip has it. */
const u32 = (value: number): number[] => u64(Math.min(value, MAX_32)).slice(0, 4)
const u64 = (value: number): number[] =>
  Array.from({ length: 8 }, (_, i) => Number((BigInt(value) >> BigInt(8 * i)) & 255n))

// Pickles, in the opcodes of protocol 2.

export const PICKLE = {
  start: [0x80, 2],
  stop: [0x2e],
  none: [0x4e],
  false: [0x89],
  mark: [0x28],
  tuple: [0x74],
  emptyTuple: [0x29],
  emptyDict: [0x7d],
  setItems: [0x75],
  reduce: [0x52],
  persistent: [0x51],
  text: (value: string): number[] => [0x58, ...u32(text(value).length), ...text(value)],
  global: (module: string, name: string): number[] => [0x63, ...text(`${module}\n${name}\n`)],
  /** Up to 4 bytes, else LONG1. */
  count: (value: number): number[] => (value < 2 ** 31 ? [0x4a, ...u32(value)] : [0x8a, 8, ...u64(value)]),
} as const

const { count, emptyTuple, global, mark, persistent, reduce, tuple } = PICKLE
const orderedDict = [...global('collections', 'OrderedDict'), ...emptyTuple, ...reduce]

/** What rebuilds a tensor from storage `key`. */
export function pickleTensor(
  type: string,
  key: string,
  length: number,
  { offset = 0, shape, strides }: { offset?: number; shape: readonly number[]; strides: readonly number[] },
): number[] {
  const id = [...PICKLE.text('storage'), ...global('torch', type), ...PICKLE.text(key), ...PICKLE.text('cpu')]
  return [
    [global('torch._utils', '_rebuild_tensor_v2'), mark],
    [mark, id, count(length), tuple, persistent],
    [count(offset)],
    [mark, shape.flatMap(count), tuple],
    [mark, strides.flatMap(count), tuple],
    [PICKLE.false, orderedDict, tuple, reduce],
  ].flat(2)
}

function pickleStateDict(tensors: readonly (readonly [string, TensorToPickle])[]): Uint8Array {
  const items = tensors.map(([name, { dtype, shape, data }], i) => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, each) => product * each, 1))
    const { name: type, bytes } = STORAGES[dtype]
    return [
      ...PICKLE.text(name),
      ...pickleTensor(type, String(i), lengthOf(data) / bytes, { shape, strides }),
    ]
  })
  const { start, setItems, stop } = PICKLE
  return Uint8Array.from([...start, ...orderedDict, ...mark, ...items.flat(), ...setItems, ...stop])
}
