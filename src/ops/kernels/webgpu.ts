/**
 * The kernels of the WebGPU device, by the names of their operations. `openDevice` loads them with the
 * device.
 */
import type { WebGpuLaunch } from '../../devices/webgpu/kernel.ts'
import { activation, activationBackward } from '../activation/webgpu/launch.ts'
import { attentionBackward } from '../attention/attention/webgpu/backward.ts'
import { attention } from '../attention/attention/webgpu/forward.ts'
import { cacheAppend } from '../attention/cache-append/webgpu.ts'
import { rope } from '../attention/rope/webgpu.ts'
import { cast } from '../cast/webgpu/launch.ts'
import { causalConv1dBackward } from '../causal-conv1d/webgpu/backward.ts'
import { causalConv1d, causalConv1dUpdate } from '../causal-conv1d/webgpu/forward.ts'
import { copy } from '../copy/webgpu.ts'
import { crossEntropy, crossEntropyBackward, crossEntropyBackwardInPlace } from '../cross-entropy/webgpu.ts'
import { accumulate, binary, copyInto, fill, scale } from '../elementwise/webgpu/launch.ts'
import { flip } from '../flip/webgpu.ts'
import { embedding, scatterAdd } from '../gather/webgpu.ts'
import type { KernelTable } from './table.ts'
import { concat } from '../layout/webgpu.ts'
import { fftConvolution, fftConvolutionBackward } from '../lti/convolution/webgpu/launch.ts'
import { ltiDenseStates, ltiDenseStatesBackward } from '../lti/dense/webgpu.ts'
import { ltiDiagonalBackward } from '../lti/diagonal/webgpu/backward.ts'
import { ltiDiagonal } from '../lti/diagonal/webgpu/forward.ts'
import { ltiKernel, ltiKernelBackward } from '../lti/kernel/webgpu/launch.ts'
import { matmul } from '../matmul/webgpu/launch.ts'
import { normLinear } from '../norm-linear/webgpu.ts'
import { normBackward } from '../norm/webgpu/backward.ts'
import { norm } from '../norm/webgpu/forward.ts'
import { adamWStep, clipFactor, sumOfSquares } from '../optimizer/webgpu.ts'
import { packedEmbedding, packedLinear } from '../packed/webgpu/launch.ts'
import { broadcast, max, maxBackward, sum } from '../reduce/webgpu/launch.ts'
import { sample } from '../sample/webgpu.ts'
import { selectiveStep } from '../scan/fused-step/webgpu.ts'
import { selectiveStateUpdate } from '../scan/step/webgpu.ts'
import { selectiveScanBackward } from '../scan/webgpu/backward.ts'
import { selectiveScan } from '../scan/webgpu/forward.ts'
import { ssdStateUpdate } from '../ssd/step/webgpu.ts'
import { ssdBackward } from '../ssd/webgpu/backward.ts'
import { ssd } from '../ssd/webgpu/forward.ts'

export const kernels: KernelTable<WebGpuLaunch> = {
  accumulate,
  activation,
  activationBackward,
  adamWStep,
  attention,
  attentionBackward,
  binary,
  broadcast,
  cacheAppend,
  cast,
  causalConv1d,
  causalConv1dBackward,
  causalConv1dUpdate,
  clipFactor,
  concat,
  copy,
  copyInto,
  crossEntropy,
  crossEntropyBackward,
  crossEntropyBackwardInPlace,
  embedding,
  fftConvolution,
  fftConvolutionBackward,
  fill,
  flip,
  ltiDenseStates,
  ltiDenseStatesBackward,
  ltiDiagonal,
  ltiDiagonalBackward,
  ltiKernel,
  ltiKernelBackward,
  matmul,
  max,
  maxBackward,
  norm,
  normBackward,
  normLinear,
  packedEmbedding,
  packedLinear,
  residualNorm: norm,
  rope,
  sample,
  scale,
  scatterAdd,
  selectiveScan,
  selectiveScanBackward,
  selectiveStateUpdate,
  selectiveStateUpdateInPlace: selectiveStateUpdate,
  selectiveStep,
  ssd,
  ssdBackward,
  ssdStateUpdate,
  ssdStateUpdateInPlace: ssdStateUpdate,
  sum,
  sumOfSquares,
}
