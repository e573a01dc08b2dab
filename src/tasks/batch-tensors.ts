/** The arrays of batches on a device: allocated once, written before each step. */
import type { Batch } from '../data/batch.ts'
import type { AnyDevice } from '../devices/device.ts'
import { ShapeError } from '../errors.ts'
import { empty } from '../tensor/tensor.ts'
import { arrayOf } from './inputs.ts'
import type { Fields, Tensors } from './task.ts'

/** Tensors of these fields, whose values are not set. To be made outside a scope if they are to be kept. */
export function batchTensors(device: AnyDevice, fields: Fields): Tensors {
  return Object.fromEntries(
    Object.entries(fields).map(([name, { dtype, shape }]) => [name, empty(device, shape, dtype)]),
  )
}

/** @throws ConfigError for an array that is missing, ShapeError for one of another size */
export function writeBatch(tensors: Tensors, batch: Batch): void {
  for (const [name, tensor] of Object.entries(tensors)) {
    const values = arrayOf(batch, name)
    if (values.length !== tensor.size || values instanceof Int32Array !== (tensor.dtype === 'i32')) {
      throw new ShapeError('an array of the batch does not fit', {
        where: name,
        expected: `${tensor.size} numbers in ${tensor.dtype === 'i32' ? 'an Int32Array' : 'a Float32Array'}`,
        found: `${values.length} in a ${Object.prototype.toString.call(values).slice(8, -1)}`,
      })
    }
    tensor.write(values)
  }
}

export function disposeTensors(tensors: Tensors): void {
  for (const tensor of Object.values(tensors)) tensor.dispose()
}
