import { roundToHalf } from '../../devices/half.ts'
import type { ReferenceLaunch, ReferenceStorage } from '../../devices/reference/device.ts'
import { Tensor } from '../../tensor/tensor.ts'
import type { Kernel } from './kernels.ts'
import type { Arrays, Named, NdArray, Params } from '../operation.ts'

/** A definition in float64 as a kernel of the reference device. What it stores as f16 is rounded. */
export function referenceKernel<I extends Named, O extends Named, P extends Params>(
  define: (inputs: Arrays<I>, outputs: Arrays<O>, params: P) => void,
): Kernel<I, O, P, ReferenceLaunch> {
  return ({ inputs, outputs, params }) => {
    const given = arraysOf(inputs)
    const made = arraysOf(outputs)
    const tensors = [...tensorsOf(inputs), ...tensorsOf(outputs)].map(([, x]) => x)
    const halves = tensors.filter((x) => x.dtype === 'f16' && x.contiguous).map(valuesOf)
    const launch = (): void => {
      const results = made()
      for (const { data } of Object.values<NdArray>(results as Record<string, NdArray>)) data.fill(0)
      define(given(), results, params)
      for (const values of halves) roundToHalves(values)
    }
    return [Object.assign(launch, { storages: tensors.map(({ storage }) => storage) })]
  }
}

/** How a definition reaches the values: resolved now, read when the launch runs, and again at each replay. */
function arraysOf<T extends Named>(named: T): () => Arrays<T> {
  const getters = tensorsOf(named).map(([name, x]) => {
    const { data } = x.storage as ReferenceStorage
    if (!x.contiguous) return [name, () => ({ data: gatherRows(data, x), shape: x.shape })] as const
    const array: NdArray = { data: valuesOf(x), shape: x.shape }
    return [name, () => array] as const
  })
  return () => Object.fromEntries(getters.map(([name, get]) => [name, get()])) as Arrays<T>
}

function tensorsOf(named: Named): [string, Tensor][] {
  return Object.entries(named).filter((entry): entry is [string, Tensor] => entry[1] instanceof Tensor)
}

/** Where a contiguous tensor has its values. */
function valuesOf(x: Tensor): Float64Array {
  return (x.storage as ReferenceStorage).data.subarray(x.offset, x.offset + x.size)
}

function roundToHalves(values: Float64Array): void {
  for (let i = 0; i < values.length; i++) values[i] = roundToHalf(values[i])
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
