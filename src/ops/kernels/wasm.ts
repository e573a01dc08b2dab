/**
 * The kernels of the WASM device, by the names of their operations. `openDevice` loads them with the device.
 */
import type { WasmLaunch } from '../../devices/wasm/launch.ts'
import { activation, activationBackward } from '../activation/wasm/launch.ts'
import { attentionBackward } from '../attention/attention/wasm/backward.ts'
import { attention } from '../attention/attention/wasm/forward.ts'
import { cacheAppend } from '../attention/cache-append/wasm.ts'
import { rope } from '../attention/rope/wasm.ts'
import { cast } from '../cast/wasm/launch.ts'
import { causalConv1d, causalConv1dBackward, causalConv1dUpdate } from '../causal-conv1d/wasm/launch.ts'
import { copy } from '../copy/wasm.ts'
import { crossEntropy, crossEntropyBackward, crossEntropyBackwardInPlace } from '../cross-entropy/wasm.ts'
import { accumulate, binary, copyInto, fill, scale } from '../elementwise/wasm/launch.ts'
import { flip } from '../flip/wasm.ts'
import { embedding, scatterAdd } from '../gather/wasm.ts'
import type { KernelTable } from './table.ts'
import { concat } from '../layout/wasm.ts'
import { fftConvolution, fftConvolutionBackward } from '../lti/convolution/wasm/launch.ts'
import { ltiDenseStates, ltiDenseStatesBackward } from '../lti/dense/wasm.ts'
import { ltiDiagonal, ltiDiagonalBackward } from '../lti/diagonal/wasm/launch.ts'
import { ltiKernel, ltiKernelBackward } from '../lti/kernel/wasm/launch.ts'
import { matmul } from '../matmul/wasm/launch.ts'
import { norm, normBackward } from '../norm/wasm/launch.ts'
import { adamWStep, clipFactor, sumOfSquares } from '../optimizer/wasm.ts'
import { packedEmbedding, packedLinear } from '../packed/wasm/launch.ts'
import { broadcast, max, maxBackward, sum } from '../reduce/wasm/launch.ts'
import { sample } from '../sample/wasm.ts'
import { selectiveStateUpdate, selectiveStateUpdateInPlace } from '../scan/step/wasm.ts'
import { selectiveScan, selectiveScanBackward } from '../scan/wasm/launch.ts'
import { ssdStateUpdate, ssdStateUpdateInPlace } from '../ssd/step/wasm.ts'
import { ssdBackward } from '../ssd/wasm/backward.ts'
import { ssd } from '../ssd/wasm/forward.ts'

export const kernels: KernelTable<WasmLaunch> = {
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
  selectiveStateUpdateInPlace,
  ssd,
  ssdBackward,
  ssdStateUpdate,
  ssdStateUpdateInPlace,
  sum,
  sumOfSquares,
}
