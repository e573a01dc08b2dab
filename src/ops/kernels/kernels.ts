/**
 * The kernels of a device: a table from the names of operations to functions that make launches. `openDevice`
 * loads a device together with its table, so that a page downloads the kernels of the device that it opens
 * and of no other.
 */
import type { AnyDevice } from '../../devices/device.ts'
import { DeviceError } from '../../errors.ts'
import type { Call, KernelOperation, Named, Params } from '../operation.ts'

/** Makes the launches of one call. */
export interface Kernel<I extends Named, O extends Named, P extends Params, Launch> {
  (call: Call<I, O, P>): readonly Launch[]
  /** Whether the kernel is made for such a call. Others are composed. Default: it takes all. */
  readonly takes?: (inputs: I, params: P) => boolean
}

// A table's kernels differ in their types, which table.ts checks where it is written.
// oxlint-disable-next-line typescript/no-explicit-any
type Table = Readonly<Record<string, Kernel<any, any, any, unknown> | undefined>>

const tables = new WeakMap<AnyDevice, Table>()

/** Gives a device its kernels, and returns it. */
export function withKernels<D extends AnyDevice>(device: D, table: Table): D {
  tables.set(device, table)
  return device
}

/** A kernel that is made for some calls only. */
export function kernelFor<I extends Named, O extends Named, P extends Params, Launch>(
  takes: (inputs: I, params: P) => boolean,
  kernel: (call: Call<I, O, P>) => readonly Launch[],
): Kernel<I, O, P, Launch> {
  return Object.assign((call: Call<I, O, P>) => kernel(call), { takes })
}

/** What a device has for a call of an operation, if anything. */
export function kernelOf<I extends Named, O extends Named, P extends Params>(
  { name }: KernelOperation<I, O, P>,
  device: AnyDevice,
  inputs: I,
  params: P,
): Kernel<I, O, P, unknown> | undefined {
  const table = tables.get(device)
  if (!table) {
    throw new DeviceError('the device was opened without kernels', {
      where: name,
      found: device.description,
      hint: 'Open it with openDevice',
    })
  }
  const kernel: Kernel<I, O, P, unknown> | undefined = table[name]
  return kernel && (kernel.takes?.(inputs, params) ?? true) ? kernel : undefined
}
