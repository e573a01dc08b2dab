import { expectRank, expectShape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { apply } from '../../apply.ts'
import { defineOperation } from '../../operation.ts'
import type {
  FftConvolutionInputs,
  FftConvolutionOutputs,
  FftConvolutionBackwardInputs,
  FftConvolutionBackwardOutputs,
} from './types.ts'

export const fftConvolutionBackwardOp = defineOperation<
  FftConvolutionBackwardInputs,
  FftConvolutionBackwardOutputs,
  object
>({
  name: 'fftConvolutionBackward',
  outputs: ({ u, kernel }) => ({ du: { shape: u.shape }, dKernel: { shape: kernel.shape } }),
})

export const fftConvolutionOp = defineOperation<FftConvolutionInputs, FftConvolutionOutputs, object>({
  name: 'fftConvolution',
  outputs({ u, kernel }) {
    expectRank('fftConvolution: u', u.shape, 3)
    const [, length, channels] = u.shape as [number, number, number]
    expectShape('fftConvolution: kernel', kernel.shape, [channels, length])
    return { y: { shape: u.shape } }
  },
  saved: ['u', 'kernel'],
  gradient({ inputs, grads }) {
    const { du, dKernel } = apply(fftConvolutionBackwardOp, { ...inputs, dy: grads.y! }, {})
    return { u: du, kernel: dKernel }
  },
})

/**
 * Causal convolution of each channel with its own kernel, as long as the input: y[b, t, c] = Σ_s kernel[c, t-s] u[b, s, c].
 * By FFT over the next power of two from 2 L, so that nothing wraps around: O(L log L) time, O(L) memory, both ways.
 */
export function fftConvolution(inputs: FftConvolutionInputs): Tensor {
  return apply(fftConvolutionOp, inputs, {}).y
}
