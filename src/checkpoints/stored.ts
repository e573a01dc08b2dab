/** A tensor in a file, whatever the format of the file. */
import { CheckpointError } from '../errors.ts'
import type { Shape } from '../tensor/shape.ts'
import type { Staging } from './source.ts'

/** Numbers that are read or written at a time: a multiple of the blocks of all types. */
export const PIECE = 1 << 20

/** A tensor in a file. Its values are read when they are asked for. */
export interface StoredTensor {
  /** `F32`, `F16`, `BF16`, `I64`, `Q8_0`, `Q4_K`, …: the names of safetensors and GGUF. */
  readonly dtype: string
  /** Outermost axis first. */
  readonly shape: Shape
  /** What it takes in the file. Absent: what numbers of its type take. */
  readonly bytes?: number
  /** Whether its type is one that nothing here computes with: `read` is then an error. */
  readonly unread?: boolean
  /**
   * Elements `begin` up to `end` (default: all), row-major: Float32Array for floating-point and quantised
   * types, Int32Array for integers and booleans. Blocks of quantised types are not cut: both must be
   * multiples of the block's length. With `staging` the values stand in its memory, until its next use.
   */
  read(begin?: number, end?: number, staging?: Staging): Promise<Float32Array | Int32Array>
  /**
   * The same elements as they are stored: little-endian bytes. Absent where the elements do not lie side by
   * side.
   */
  readonly raw?: (begin: number, end: number, staging?: Staging) => Promise<Uint8Array<ArrayBuffer>>
}

/** The tensor with another shape of as many numbers. */
export function reshaped(stored: StoredTensor, shape: Shape): StoredTensor {
  const { dtype, bytes, unread = false } = stored
  return {
    dtype,
    shape,
    unread,
    ...(bytes !== undefined && { bytes }),
    read: (begin, end, staging) => stored.read(begin, end, staging),
    ...(stored.raw && { raw: (begin, end, staging) => stored.raw!(begin, end, staging) }),
  }
}

/** Refuses to read a tensor of a type that files may hold and nothing here computes with. */
export function unreadType(dtype: string, where: string): never {
  throw new CheckpointError('this type of tensor is not read', {
    where,
    found: dtype,
    hint: 'Convert the model to f32, f16 or bf16 first',
  })
}
