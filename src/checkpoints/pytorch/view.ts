/** A view of a storage as a tensor that is read when it is asked for. */
import { CheckpointError } from '../../errors.ts'
import { showShape, sizeOf, stridesOf } from '../../tensor/shape.ts'
import { STORED_TYPES } from '../dtypes.ts'
import type { FileSource } from '../source.ts'
import type { StoredTensor } from '../stored.ts'
import { gather, WINDOW } from './gather.ts'
import type { View } from './values.ts'
import type { Range } from './zip.ts'

/** A view may repeat elements of its storage (`expand`) up to this many. */
const MAX_REPEATED = 2 ** 24

/**
 * The tensor of `view`, whose storage stands at `range` of `source`.
 *
 * @throws CheckpointError naming `where` if the view does not lie in the storage
 */
export function storedView(view: View, range: Range, source: FileSource, where: string): StoredTensor {
  const { shape, storage } = view
  const type = STORED_TYPES.get(storage.dtype)!
  expectInside(view, type.bytes, range, where)
  const size = sizeOf(shape)
  if (isContiguous(view)) {
    // An empty view may have any offset.
    const start = range.start + (size === 0 ? 0 : view.offset * type.bytes)
    const raw: StoredTensor['raw'] = async (begin, end, staging) => {
      await range.check?.()
      return source.read(start + begin * type.bytes, start + end * type.bytes, staging)
    }
    const read: StoredTensor['read'] = async (begin = 0, end = size, staging) =>
      type.decode(await raw(begin, end, staging), where, staging)
    return { dtype: storage.dtype, shape, read, raw }
  }
  const read: StoredTensor['read'] = async (begin = 0, end = size, staging) => {
    await range.check?.()
    const length = (end - begin) * type.bytes
    const bytes = staging ? staging.bytes(length) : new Uint8Array(length)
    await gather(view, type.bytes, { source, start: range.start, begin, end }, bytes)
    return type.decode(bytes, where, staging)
  }
  return { dtype: storage.dtype, shape, read }
}

/** Checks a view against its storage, and the storage against its bytes. */
function expectInside(view: View, width: number, range: Range, where: string): void {
  const { storage, shape, offset, strides } = view
  const refuse = (rule: string, expected: unknown, found: unknown): never => {
    throw new CheckpointError(rule, { where, expected, found })
  }
  const bytes = storage.length * width
  if (range.length !== bytes) {
    refuse(
      'the storage has another length',
      `${bytes} bytes for ${storage.length} of ${storage.dtype}`,
      range.length,
    )
  }
  let size = 1
  for (const axis of shape) {
    size *= axis
    if (!Number.isSafeInteger(size * width)) refuse('the shape is too large', undefined, showShape(shape))
  }
  if (size === 0) return
  const last = shape.reduce((sum, axis, i) => sum + (axis - 1) * strides[i], offset)
  if (last >= storage.length) {
    refuse('the tensor goes past the end of its storage', `at most element ${storage.length - 1}`, last)
  }
  const most = Math.max(storage.length, MAX_REPEATED)
  if (size > most) refuse('far more elements than the storage has', `at most ${most}`, showShape(shape))
  if (overlaps(view) && (last - offset) * width >= WINDOW) {
    refuse('a large tensor whose elements overlap', undefined, `strides ${showShape(strides)}`)
  }
}

function isContiguous({ shape, strides }: View): boolean {
  const rows = stridesOf(shape)
  return shape.includes(0) || shape.every((axis, i) => axis === 1 || strides[i] === rows[i])
}

/** True if steps along two axes can lead to the same element, other than by a stride of 0. */
function overlaps({ shape, strides }: View): boolean {
  const axes = shape.map((length, i) => ({ length, stride: strides[i] }))
  const steps = axes
    .filter(({ length, stride }) => length > 1 && stride > 0)
    .toSorted((a, b) => a.stride - b.stride)
  let reach = 0
  return steps.some(({ length, stride }) => {
    const inside = stride <= reach
    reach += (length - 1) * stride
    return inside
  })
}
