import type { Arrays } from '../../operation.ts'
import type { FftConvolutionBackward } from './op.ts'
import type { FftConvolutionInputs, FftConvolutionOutputs } from './types.ts'

/** The sum as it stands: the reference does not share the FFT's ways to be wrong. */
export function fftConvolution(
  { u, kernel }: Arrays<FftConvolutionInputs>,
  { y }: Arrays<FftConvolutionOutputs>,
): void {
  walk(u.shape, (at, tap, from) => (y.data[at] += kernel.data[tap] * u.data[from]))
}

export function fftConvolutionBackward(
  { u, kernel, dy }: Arrays<FftConvolutionBackward['inputs']>,
  { du, dKernel }: Arrays<FftConvolutionBackward['outputs']>,
): void {
  walk(u.shape, (at, tap, from) => {
    du.data[from] += kernel.data[tap] * dy.data[at]
    dKernel.data[tap] += u.data[from] * dy.data[at]
  })
}

/** All products of the convolution: of y at [b, t, c], of the kernel at [c, t-s], of u at [b, s, c]. */
function walk(shape: readonly number[], visit: (at: number, tap: number, from: number) => void): void {
  const [batch, L, channels] = shape
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < L; t++) {
        for (let s = 0; s <= t; s++)
          visit((b * L + t) * channels + c, c * L + t - s, (b * L + s) * channels + c)
      }
    }
  }
}
