/** The element types that memory can hold, their sizes, and the host arrays that carry them. */
import { ShapeError } from '../errors.ts'
import { toHalves } from './half.ts'

const HOST_ARRAYS = {
  /** IEEE 754 binary32. */
  f32: Float32Array,
  /** IEEE 754 binary16; on the host its 16 bits, see `half.ts`. */
  f16: Uint16Array,
  /** Signed integers of 32 bits: token ids, labels, counts, flags. */
  i32: Int32Array,
  /** Words of 32 bits whose meaning only their operation knows: packed weights. */
  u32: Uint32Array,
} as const

/** The types of elements: f32 and f16 numbers, i32 integers, u32 words. */
export type DType = keyof typeof HOST_ARRAYS
export const DTYPES = Object.keys(HOST_ARRAYS) as readonly DType[]

/** Elements on the host, as a device stores them. */
export type HostArray = Float32Array | Uint16Array | Int32Array | Uint32Array

/** Bytes of one element. */
export function bytesOf(dtype: DType): number {
  return HOST_ARRAYS[dtype].BYTES_PER_ELEMENT
}

/** The elements in `bytes`, which are not copied. */
export function hostArray(dtype: DType, bytes: ArrayBuffer): HostArray {
  return new HOST_ARRAYS[dtype](bytes)
}

/** Throws ShapeError unless `data` is the host array of `dtype`. */
export function expectHostArray(where: string, dtype: DType, data: HostArray): void {
  const kind = HOST_ARRAYS[dtype]
  if (data instanceof kind) return
  throw new ShapeError('the host array does not fit the dtype', {
    where,
    expected: `${kind.name} for ${dtype}`,
    found: data.constructor.name,
  })
}

/** A word of 32 bits that is `value` as one element, or as two of half the size. */
export function wordOf(dtype: DType, value: number): number {
  return new Int32Array(hostArrayFrom('wordOf', dtype, [value, value]).buffer)[0]
}

/** The dtype whose host array `values` is; f32 for plain numbers. */
export function dtypeOf(values: HostArray | readonly number[]): DType {
  return DTYPES.find((dtype) => values instanceof HOST_ARRAYS[dtype]) ?? 'f32'
}

/**
 * Host values as a device stores them: plain numbers are converted, and for f16 floats are rounded to the
 * nearest halves, ties to even.
 *
 * @throws ShapeError for an array that does not fit the dtype
 */
export function hostArrayFrom(where: string, dtype: DType, values: HostArray | readonly number[]): HostArray {
  const kind = dtype === 'f16' ? Float32Array : HOST_ARRAYS[dtype]
  const array = ArrayBuffer.isView(values) ? values : kind.from(values)
  if (!ArrayBuffer.isView(values) && !(array instanceof Float32Array)) expectSame(where, dtype, values, array)
  const data = dtype === 'f16' && array instanceof Float32Array ? toHalves(array) : array
  expectHostArray(where, dtype, data)
  return data
}

/** Typed arrays of integers cut off what they cannot hold: 2.5 would become 2, and NaN 0. */
function expectSame(where: string, dtype: DType, values: readonly number[], taken: ArrayLike<number>): void {
  const wrong = values.findIndex((value, i) => value !== taken[i])
  if (wrong < 0) return
  throw new ShapeError('a value that the dtype cannot hold', {
    where: `${where}: element ${wrong}`,
    expected: `a whole number of ${dtype}`,
    found: values[wrong],
  })
}
