/** Whether two tensors of a file that are one parameter hold the same values. */
import { Staging } from '../../checkpoints/source.ts'
import { PIECE, type StoredTensor } from '../../checkpoints/stored.ts'
import { sameShape, sizeOf } from '../../tensor/shape.ts'

/** Reads both up to the first difference; where one is a view of the other's storage, nothing. */
export async function sameValues(a: StoredTensor, b: StoredTensor): Promise<boolean> {
  if (a === b) return true
  if (!sameShape(a.shape, b.shape)) return false
  const size = sizeOf(a.shape)
  const asStored = a.raw !== undefined && b.raw !== undefined && a.dtype === b.dtype
  const stagings = [new Staging(), new Staging()] as const
  for (let begin = 0; begin < size; begin += PIECE) {
    const end = Math.min(size, begin + PIECE)
    const [left, right] = asStored
      ? [words(await a.raw(begin, end, stagings[0])), words(await b.raw(begin, end, stagings[1]))]
      : [await a.read(begin, end, stagings[0]), await b.read(begin, end, stagings[1])]
    if (!sameNumbers(left, right)) return false
  }
  return true
}

function sameNumbers(left: ArrayLike<number>, right: ArrayLike<number>): boolean {
  if (left.length !== right.length) return false
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}

/** Bytes four at a time, where they can be. */
function words(bytes: Uint8Array): Uint32Array | Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes
  return byteOffset % 4 === 0 && byteLength % 4 === 0
    ? new Uint32Array(buffer, byteOffset, byteLength / 4)
    : bytes
}
