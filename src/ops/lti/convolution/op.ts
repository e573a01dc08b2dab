import { dims, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineBackward, withBackward } from '../../backward.ts'
import { defineOperation, type CallOf } from '../../operation.ts'
import type { FftConvolutionInputs, FftConvolutionOutputs } from './types.ts'

const forward = defineOperation<FftConvolutionInputs, FftConvolutionOutputs, object>({
  name: 'fftConvolution',
  outputs({ u, kernel }) {
    const [, length, channels] = dims(u, 3, 'fftConvolution: u')
    expectShape('fftConvolution: kernel', kernel.shape, [channels, length])
    return { y: { shape: u.shape } }
  },
})

export const fftConvolutionBackwardOp = defineBackward(forward, { of: ['u', 'kernel'], needs: ['y'] })
export type FftConvolutionBackward = CallOf<typeof fftConvolutionBackwardOp>

export const fftConvolutionOp = withBackward(forward, fftConvolutionBackwardOp)

/**
 * Causal convolution of each channel with its own kernel, as long as the input: y[b, t, c] = Σ_s kernel[c,
 * t-s] u[b, s, c]. By FFT over the next power of two from 2 L, so that nothing wraps around: O(L log L) time,
 * O(L) memory, both ways.
 */
export function fftConvolution(inputs: FftConvolutionInputs): Tensor {
  return apply(fftConvolutionOp, inputs, {}).y
}
