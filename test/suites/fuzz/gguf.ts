import { readGguf, type GgufTensorPlan, type TypedGgufValue } from '../../../src/checkpoints/gguf/index.ts'
import { dataParts, writeHeader } from '../../../src/checkpoints/gguf/write.ts'
import type { FileSource } from '../../../src/checkpoints/source.ts'
import { TENSOR_TYPES } from '../../../src/checkpoints/gguf/types.ts'
import { Random } from '../../../src/tensor/random.ts'
import { readTestFile } from '../../files.ts'
import type { FuzzTarget } from './run.ts'

/** The bytes of a GGUF file as other programs write it, without checksums. */
export async function ggufBytes(
  metadata: ReadonlyMap<string, TypedGgufValue>,
  tensors: readonly GgufTensorPlan[],
): Promise<Uint8Array<ArrayBuffer>> {
  const header = writeHeader(metadata, tensors)
  const pieces = [new Uint8Array(header.bytes)]
  for await (const { bytes } of dataParts(tensors, header)) pieces.push(new Uint8Array(bytes))
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}

/** A file of `size` bytes that begins with these, and what was read of it. */
export function countedFile(bytes: Uint8Array, size: number): { source: FileSource; reads: number[] } {
  const reads: number[] = []
  const source: FileSource = {
    size,
    read(start, end) {
      reads.push(end - start)
      const part = new Uint8Array(end - start)
      part.set(bytes.subarray(start, end))
      return Promise.resolve(part)
    },
  }
  return { source, reads }
}

/** A value of each type, also within arrays. */
export const VALUES: ReadonlyMap<string, TypedGgufValue> = new Map<string, TypedGgufValue>([
  ['general.architecture', { type: 'STRING', value: 'mamba' }],
  ['general.alignment', { type: 'UINT32', value: 8 }],
  ['u8', { type: 'UINT8', value: 255 }],
  ['i8', { type: 'INT8', value: -128 }],
  ['u16', { type: 'UINT16', value: 65535 }],
  ['i16', { type: 'INT16', value: -32768 }],
  ['i32', { type: 'INT32', value: -(2 ** 31) }],
  ['f32', { type: 'FLOAT32', value: 1.5 }],
  ['bool', { type: 'BOOL', value: true }],
  ['u64', { type: 'UINT64', value: 2 ** 53 - 1 }],
  ['i64', { type: 'INT64', value: 1 - 2 ** 53 }],
  ['f64', { type: 'FLOAT64', value: 0.1 }],
  ['tokens', { type: 'ARRAY', of: 'STRING', value: ['', 'a', 'é😀', '\uFEFFb'] }],
  ['bools', { type: 'ARRAY', of: 'BOOL', value: [true, false] }],
  ['u8s', { type: 'ARRAY', of: 'UINT8', value: Uint8Array.of(1, 2, 3) }],
  ['f32s', { type: 'ARRAY', of: 'FLOAT32', value: Float32Array.of(-0, 1e-45) }],
  ['i64s', { type: 'ARRAY', of: 'INT64', value: Float64Array.of(-1, 2 ** 40) }],
  [
    'nested',
    {
      type: 'ARRAY',
      of: 'ARRAY',
      value: [
        { type: 'ARRAY', of: 'INT32', value: Int32Array.of(1, -2) },
        { type: 'ARRAY', of: 'STRING', value: ['x'] },
        { type: 'ARRAY', of: 'ARRAY', value: [] },
      ],
    },
  ],
])

/** A tensor of each type, of two rows of one block, with random bytes. */
export function tensorsOfAllTypes(): GgufTensorPlan[] {
  const random = new Random(1)
  return [...TENSOR_TYPES.values()].map(({ name, block, bytes }) => {
    const data = Uint8Array.from({ length: 2 * bytes }, () => random.bits() & 255)
    // An integer of 64 bits must fit into 32.
    if (name === 'I64') data.fill(0)
    return { name: `of.${name}`, dtype: name, shape: [2, block], bytes: () => [data] }
  })
}

/** Files to mutate, and what reads all of one. It may throw SidewinderError, and nothing else. */
export const ggufTarget: FuzzTarget = {
  name: 'gguf',

  async seeds(): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }[]> {
    const tensors = tensorsOfAllTypes()
    return [
      { name: 'every value', bytes: await ggufBytes(VALUES, tensors.slice(0, 1)) },
      { name: 'every tensor', bytes: await ggufBytes(new Map(), tensors) },
      { name: 'container', bytes: await readTestFile('test/fixtures/edge/gguf/ok_container.gguf') },
    ]
  },

  async run(bytes: Uint8Array): Promise<void> {
    const { tensors } = await readGguf(bytes, 'fuzz.gguf')
    for (const tensor of tensors.values()) await tensor.read()
  },
}
