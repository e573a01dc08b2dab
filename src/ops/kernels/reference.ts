/**
 * The definitions of operations in float64, by name: the kernels of the reference device. `openDevice` loads
 * them with it.
 */
import type { ReferenceLaunch } from '../../devices/reference/device.ts'
import { activation, activationBackward } from '../activation/reference.ts'
import { attention, attentionBackward } from '../attention/attention/reference.ts'
import { cacheAppend } from '../attention/cache-append/reference.ts'
import { rope } from '../attention/rope/reference.ts'
import { cast } from '../cast/reference.ts'
import { causalConv1d, causalConv1dBackward } from '../causal-conv1d/reference.ts'
import { copy } from '../copy/reference.ts'
import { crossEntropy, crossEntropyBackward } from '../cross-entropy/reference.ts'
import { accumulate, binary, copyInto, fill, scale } from '../elementwise/reference.ts'
import { flip } from '../flip/reference.ts'
import { embedding, scatterAdd } from '../gather/reference.ts'
import type { DefinitionTable, KernelTable } from './table.ts'
import { concat } from '../layout/reference.ts'
import { fftConvolution, fftConvolutionBackward } from '../lti/convolution/reference.ts'
import { ltiDenseStates, ltiDenseStatesBackward } from '../lti/dense/reference.ts'
import { ltiDiagonal, ltiDiagonalBackward } from '../lti/diagonal/reference.ts'
import { ltiKernel, ltiKernelBackward } from '../lti/kernel/reference.ts'
import { matmul } from '../matmul/reference.ts'
import { norm, normBackward } from '../norm/reference.ts'
import { adamWStep, clipFactor, sumOfSquares } from '../optimizer/reference.ts'
import { packedEmbedding, packedLinear } from '../packed/reference.ts'
import { broadcast, max, maxBackward, sum } from '../reduce/reference.ts'
import { referenceKernel } from './reference-kernel.ts'
import { sample } from '../sample/reference.ts'
import { selectiveScan, selectiveScanBackward } from '../scan/reference.ts'
import { ssd, ssdBackward } from '../ssd/reference.ts'

const definitions: DefinitionTable = {
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
  clipFactor,
  concat,
  copy,
  copyInto,
  crossEntropy,
  crossEntropyBackward,
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
  ssd,
  ssdBackward,
  sum,
  sumOfSquares,
}

export const kernels: KernelTable<ReferenceLaunch> = Object.fromEntries(
  Object.entries(definitions).map(([name, define]) => [name, referenceKernel(define as never)]),
)
