import type { AnyDevice } from '../devices/device.ts'
import { Random } from '../tensor/random.ts'
import type { Shape } from '../tensor/shape.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import { normal } from './initializers.ts'

/** A tensor of standard normal numbers. */
export function randomNormal(device: AnyDevice, shape: Shape, seed = 0): Tensor {
  return tensor(device, normal(1)(shape, new Random(seed)), shape)
}
