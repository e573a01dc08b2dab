import type { ReferenceLaunch, ReferenceStorage } from '../devices/reference/device.ts'
import { Tensor } from '../tensor/tensor.ts'
import type { Kernel } from './kernels.ts'
import type { Arrays, Named, NdArray, Params } from './operation.ts'

/** A definition in float64 as a kernel of the reference device. */
export function referenceKernel<I extends Named, O extends Named, P extends Params>(
  define: (inputs: Arrays<I>, outputs: Arrays<O>, params: P) => void,
): Kernel<I, O, P, ReferenceLaunch> {
  return ({ inputs, outputs, params }) => {
    const given = arraysOf(inputs)
    const made = arraysOf(outputs)
    return [
      () => {
        const results = made()
        for (const { data } of Object.values<NdArray>(results as Record<string, NdArray>)) data.fill(0)
        define(given(), results, params)
      },
    ]
  }
}

/** How a definition reaches the values: resolved now, read when the launch runs, and again at each replay. */
function arraysOf<T extends Named>(named: T): () => Arrays<T> {
  const tensors = Object.entries(named).filter(
    (entry): entry is [string, Tensor] => entry[1] instanceof Tensor,
  )
  const getters = tensors.map(([name, x]) => {
    const { data } = x.storage as ReferenceStorage
    if (!x.contiguous) return [name, () => ({ data: gatherRows(data, x), shape: x.shape })] as const
    const array: NdArray = { data: data.subarray(x.offset, x.offset + x.size), shape: x.shape }
    return [name, () => array] as const
  })
  return () => Object.fromEntries(getters.map(([name, get]) => [name, get()])) as Arrays<T>
}

/** A strided view's values, copied together. */
function gatherRows(data: Float64Array, x: Tensor): Float64Array {
  const values = new Float64Array(x.size)
  for (let row = 0; row < x.rows; row++) {
    const start = x.offset + row * x.rowStride
    values.set(data.subarray(start, start + x.width), row * x.width)
  }
  return values
}
