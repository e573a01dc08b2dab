import type { AnyDevice } from '../devices/device.ts'
import { scope } from '../tensor/scope.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import type { Tensor } from '../tensor/tensor.ts'
import { apply } from './apply.ts'
import { concatOp, reshape } from './layout/op.ts'
import { part } from './layout/types.ts'

/**
 * The tensors that `views` gives, one above the other in a new one [count, ...inner] on the heap, each filled
 * up with zeros to the size of `inner`. Without gradients.
 */
export function stackRows(device: AnyDevice, inner: Shape, views: () => readonly Tensor[]): Tensor {
  const size = sizeOf(inner)
  return scope(() => {
    const all = views()
    const parts: Record<string, Tensor> = {}
    const widths: number[] = []
    for (const view of all) {
      parts[part(widths.length)] = view.view([view.size])
      widths.push(view.size, size - view.size)
    }
    return reshape(apply(concatOp, parts, { leading: [], widths }).y, [all.length, ...inner])
  }, device.heap)
}
