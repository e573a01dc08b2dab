/** The operations as functions of named tensors: differentiable, on every device. */
export { activation, exp, sigmoid, silu, softplus, type Activation } from './activation/index.ts'
export { contiguous } from './apply.ts'
export { attention, cacheAppend, rope } from './attention/index.ts'
export { causalConv1d, causalConv1dUpdate } from './causal-conv1d/index.ts'
export { crossEntropy } from './cross-entropy/index.ts'
export {
  accumulate,
  add,
  copyInto,
  divide,
  fill,
  multiply,
  scale,
  subtract,
  zeros,
} from './elementwise/index.ts'
export { fftConvolution } from './fft-convolution/index.ts'
export { embedding, scatterAdd } from './gather/index.ts'
export { withGradients } from './gradients.ts'
export { concat, reshape, slice, split } from './layout/index.ts'
export { ltiDense } from './lti-dense/index.ts'
export { ltiDiagonal } from './lti-diagonal/index.ts'
export { ltiKernel } from './lti-kernel/index.ts'
export { linear, matmul } from './matmul/index.ts'
export { layerNorm, rmsNorm } from './norm/index.ts'
export { normLinear } from './norm-linear/index.ts'
export { adamWStep, clipFactor, sumOfSquares } from './optimizer/index.ts'
export { packedEmbedding, packedLinear } from './packed/index.ts'
export { packRows, type PackedFormat } from './packed/format.ts'
export { PackedMatrix } from './packed/matrix.ts'
export { embeddingBy, linearBy, type Weight } from './packed/weight.ts'
export { recompute } from './recompute.ts'
export { max, mean, sum } from './reduce/index.ts'
export { sample } from './sample/index.ts'
export { stackRows } from './stack-rows.ts'
export { selectiveScan } from './selective-scan/index.ts'
export { selectiveStep, type SelectiveStepInputs } from './selective-step/index.ts'
export { ssd } from './ssd/index.ts'
export { selectiveStateUpdate, ssdStateUpdate } from './state-update/index.ts'
