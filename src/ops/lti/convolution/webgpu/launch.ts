import { gridOf, launch, type WebGpuLaunch } from '../../../../devices/webgpu/kernel.ts'
import { dims } from '../../../../tensor/shape.ts'
import type { Tensor } from '../../../../tensor/tensor.ts'
import type { Call } from '../../../operation.ts'
import type { FftConvolutionBackward } from '../op.ts'
import { pointsFor } from '../points.ts'
import type { FftConvolutionInputs, FftConvolutionOutputs } from '../types.ts'
import { fftPass, fftTwiddles } from './passes.ts'
import { fftCorrelate, fftMultiply } from './products.ts'

const WORKGROUP = 256
/**
 * Points of a transform that is done in workgroup memory, as a power of two; longer ones take several passes.
 */
const MOST_BITS = 8
/** Points in workgroup memory, as a power of two: 16 KB. */
const TILE_BITS = 11

interface Sizes {
  readonly batch: number
  readonly length: number
  readonly channels: number
  readonly pairs: number
  readonly points: number
}

/** The whole transform of `source` into `spectra`, or of these back into `result`. */
function transform(
  spectra: Tensor,
  twiddles: Tensor,
  { source, result, columns = false }: { source?: Tensor; result?: Tensor; columns?: boolean },
  { batch, length, channels, pairs, points }: Sizes,
): WebGpuLaunch[] {
  const pointsBits = Math.log2(points)
  const passes = Math.ceil(pointsBits / MOST_BITS)
  const list: WebGpuLaunch[] = []
  let sizeBits = pointsBits
  for (let pass = 0; pass < passes; pass++) {
    const radixBits = Math.ceil(sizeBits / (passes - pass))
    const lanesBits = TILE_BITS - radixBits
    const items = (batch * points * pairs) / 2 ** radixBits
    const first = pass === 0
    list.push(
      launch(fftPass, {
        bindings: {
          source: first ? source : undefined,
          spectra,
          result: first ? result : undefined,
          twiddles,
        },
        uniforms: {
          length,
          channels,
          pairs,
          items,
          pointsBits,
          sizeBits,
          radixBits,
          lanesBits,
          columns: columns ? 1 : 0,
        },
        constants: { WORKGROUP, TILE: 2 ** TILE_BITS, INVERSE: result !== undefined },
        grid: gridOf(items, 2 ** lanesBits),
      }),
    )
    sizeBits -= radixBits
  }
  return result ? list.toReversed() : list
}

function multiply(
  spectra: Tensor,
  kernelSpectra: Tensor,
  { batch, pairs, points }: Sizes,
  adjoint: boolean,
): WebGpuLaunch {
  return launch(fftMultiply, {
    bindings: { spectra, kernelSpectra },
    uniforms: { batch, pairs, points },
    constants: { WORKGROUP, ADJOINT: adjoint },
    grid: gridOf(batch * points * pairs, WORKGROUP),
  })
}

function sizesOf(u: Tensor): Sizes {
  const [batch, length, channels] = dims(u, 3)
  return { batch, length, channels, pairs: Math.ceil(channels / 2), points: pointsFor(length) }
}

export function fftConvolution({
  inputs: { u, kernel },
  outputs: { y },
  scratch,
}: Call<FftConvolutionInputs, FftConvolutionOutputs, object>): WebGpuLaunch[] {
  const sizes = sizesOf(u)
  const { batch, points, pairs } = sizes
  const twiddles = scratch([points, 2])
  const spectra = scratch([batch, points, 2, pairs])
  const kernelSpectra = scratch([points, 2, pairs])
  return [
    launch(fftTwiddles, {
      bindings: { twiddles },
      uniforms: { points },
      constants: { WORKGROUP },
      grid: gridOf(points, WORKGROUP),
    }),
    ...transform(spectra, twiddles, { source: u }, sizes),
    ...transform(kernelSpectra, twiddles, { source: kernel, columns: true }, { ...sizes, batch: 1 }),
    multiply(spectra, kernelSpectra, sizes, false),
    ...transform(spectra, twiddles, { result: y }, sizes),
  ]
}

export function fftConvolutionBackward({
  inputs: { u, kernel, dy },
  outputs: { du, dKernel },
  scratch,
}: FftConvolutionBackward): WebGpuLaunch[] {
  const sizes = sizesOf(u)
  const { batch, points, pairs } = sizes
  const twiddles = scratch([points, 2])
  const uSpectra = scratch([batch, points, 2, pairs])
  const dySpectra = scratch([batch, points, 2, pairs])
  const sums = scratch([points, 2, pairs])
  const kernelSpectra = scratch([points, 2, pairs])
  const one = { ...sizes, batch: 1 }
  return [
    launch(fftTwiddles, {
      bindings: { twiddles },
      uniforms: { points },
      constants: { WORKGROUP },
      grid: gridOf(points, WORKGROUP),
    }),
    ...transform(uSpectra, twiddles, { source: u }, sizes),
    ...transform(dySpectra, twiddles, { source: dy }, sizes),
    launch(fftCorrelate, {
      bindings: { uSpectra, dySpectra, sums },
      uniforms: { batch, pairs, points },
      constants: { WORKGROUP },
      grid: gridOf(points * pairs, WORKGROUP),
    }),
    ...transform(sums, twiddles, { result: dKernel, columns: true }, one),
    ...transform(kernelSpectra, twiddles, { source: kernel, columns: true }, one),
    multiply(dySpectra, kernelSpectra, sizes, true),
    ...transform(dySpectra, twiddles, { result: du }, sizes),
  ]
}
