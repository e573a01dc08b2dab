import { ShapeError } from '../../errors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import type { CastInputs, CastOutputs, CastParams, FloatType } from './types.ts'

const FLOATS: readonly FloatType[] = ['f32', 'f16']

export const castOp = defineOperation<CastInputs, CastOutputs, CastParams>({
  name: 'cast',
  dtypes: FLOATS,
  outputs({ x }, { dtype }) {
    if (dtype === x.dtype || !FLOATS.includes(dtype)) {
      throw new ShapeError('there is no such cast', {
        where: 'cast',
        expected: 'f32 to f16, or f16 to f32',
        found: `${x.dtype} to ${dtype}`,
      })
    }
    return { y: { shape: x.shape, dtype } }
  },
  views: ['x'],
  gradient: ({ inputs: { x }, grads }) => ({ x: cast(grads.y!, x.dtype as FloatType) }),
})

/**
 * The same numbers in f32 or in f16; x itself if it has that dtype already. Numbers in f16 are rounded to the
 * nearest, ties to even: magnitudes from 65,520 on become infinite, and those of 2^-25 and less become zero.
 * Numbers in f32 are exact. The gradient is cast back to the dtype of x.
 *
 * @throws ShapeError for integers
 */
export function cast(x: Tensor, dtype: FloatType): Tensor {
  return x.dtype === dtype ? x : apply(castOp, { x }, { dtype }).y
}
