import { ShapeError } from '../../errors.ts'
import { showShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { reshape } from '../layout/op.ts'
import { defineOperation } from '../operation.ts'
import type { FlipInputs, FlipOutputs } from './types.ts'

export const flipOp = defineOperation<FlipInputs, FlipOutputs, object>({
  name: 'flip',
  dtypes: ['f32', 'i32'],
  outputs({ x }) {
    if (x.shape.length < 3) {
      throw new ShapeError('has too few axes', {
        where: 'flip: x',
        expected: '[B, L, ..., W]',
        found: showShape(x.shape),
      })
    }
    return { y: { shape: x.shape, dtype: x.dtype } }
  },
  views: ['x'],
  gradient: ({ grads }) => ({ x: flip(grads.y!) }),
})

/**
 * The tokens of each sequence in reverse order, y[b, t, ...] = x[b, L - 1 - t, ...], for the backward
 * direction of a bidirectional layer. x is [B, L] or [B, L, ..., W], f32 or i32. It knows nothing of
 * sequences that are packed into one row.
 */
export function flip(x: Tensor): Tensor {
  if (x.shape.length !== 2) return apply(flipOp, { x }, {}).y
  return reshape(apply(flipOp, { x: reshape(x, [...x.shape, 1]) }, {}).y, x.shape)
}
