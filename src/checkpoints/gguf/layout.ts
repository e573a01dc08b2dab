/** What reader and writer of GGUF files share: the fixed numbers, alignment and the sizes of tensors. */
import { CheckpointError } from '../../errors.ts'
import { showShape, type Shape } from '../../tensor/shape.ts'
import type { GgufTensorType } from './types.ts'
import type { TypedGgufValue } from './values.ts'

/** `GGUF`, as a little-endian number. */
export const MAGIC = 0x46554747
export const VERSION = 3
export const MAX_AXES = 8

const ALIGNMENT_KEY = 'general.alignment'
const DEFAULT_ALIGNMENT = 32

/** `position`, or the next multiple of `alignment`. */
export const align = (position: number, alignment: number): number =>
  Math.ceil(position / alignment) * alignment

/** What the data of each tensor are aligned to. `where` begins what errors name. */
export function alignmentOf(metadata: ReadonlyMap<string, TypedGgufValue>, where = ''): number {
  const found = metadata.get(ALIGNMENT_KEY) ?? { type: 'UINT32', value: DEFAULT_ALIGNMENT }
  if (found.type === 'UINT32' && Number.isInteger(Math.log2(found.value))) return found.value
  throw new CheckpointError('the alignment of the data is impossible', {
    where: `${where}${ALIGNMENT_KEY}`,
    expected: 'a power of two as UINT32',
    found: found.type === 'UINT32' ? found.value : found.type,
  })
}

/** Bytes that the values of a tensor take; calls `refuse` where its shape is impossible. */
export function byteLength(
  { name, block, bytes }: GgufTensorType,
  shape: Shape,
  refuse: (rule: string, expected?: unknown, found?: unknown) => never,
): number {
  const row = shape.at(-1) ?? 1
  if (row % block !== 0) {
    refuse(`rows of ${name} are stored in whole blocks`, `a multiple of ${block}`, showShape(shape))
  }
  let length = bytes / block
  for (const axis of shape) {
    length *= axis
    if (length > Number.MAX_SAFE_INTEGER) refuse('the shape is too large', undefined, showShape(shape))
  }
  return length
}
