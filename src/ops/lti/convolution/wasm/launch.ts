import { wasmLaunch, type WasmLaunch } from '../../../../devices/wasm/launch.ts'
import { dims } from '../../../../tensor/shape.ts'
import type { Call } from '../../../operation.ts'
import type { FftConvolutionBackward } from '../op.ts'
import { pointsFor } from '../points.ts'
import type { FftConvolutionInputs, FftConvolutionOutputs } from '../types.ts'

export function fftConvolution({
  inputs: { u, kernel },
  outputs: { y },
  scratch,
}: Call<FftConvolutionInputs, FftConvolutionOutputs, object>): WasmLaunch[] {
  const [batch, length, channels] = dims(u, 3)
  const points = pointsFor(length)
  const groups = Math.ceil(channels / 8)
  const sizes = { length, channels, points }
  const twiddles = scratch([points, 2])
  const spectra = scratch([batch, groups, points, 8])
  const kernelSpectra = scratch([groups, points, 8])
  return [
    wasmLaunch('fftTwiddles', { twiddles, points }, points),
    wasmLaunch('fftRows', { x: u, twiddles, spectra, ...sizes }, batch * groups),
    wasmLaunch('fftColumns', { kernel, twiddles, spectra: kernelSpectra, ...sizes }, groups),
    wasmLaunch('fftApply', { spectra, kernelSpectra, twiddles, y, ...sizes, adjoint: 0 }, batch * groups),
  ]
}

export function fftConvolutionBackward({
  inputs: { u, kernel, dy },
  outputs: { du, dKernel },
  scratch,
}: FftConvolutionBackward): WasmLaunch[] {
  const [batch, length, channels] = dims(u, 3)
  const points = pointsFor(length)
  const groups = Math.ceil(channels / 8)
  const sizes = { length, channels, points }
  const twiddles = scratch([points, 2])
  const uSpectra = scratch([batch, groups, points, 8])
  const dySpectra = scratch([batch, groups, points, 8])
  const spectra = scratch([groups, points, 8])
  return [
    wasmLaunch('fftTwiddles', { twiddles, points }, points),
    wasmLaunch('fftRows', { x: u, twiddles, spectra: uSpectra, ...sizes }, batch * groups),
    wasmLaunch('fftRows', { x: dy, twiddles, spectra: dySpectra, ...sizes }, batch * groups),
    wasmLaunch(
      'fftCorrelate',
      { uSpectra, dySpectra, twiddles, sums: spectra, dKernel, batch, ...sizes },
      groups,
    ),
    wasmLaunch('fftColumns', { kernel, twiddles, spectra, ...sizes }, groups),
    wasmLaunch(
      'fftApply',
      { spectra: dySpectra, kernelSpectra: spectra, twiddles, y: du, ...sizes, adjoint: 1 },
      batch * groups,
    ),
  ]
}
