/** The operations as functions of named tensors: differentiable, on every device. */
export type { Activation } from './activation/kinds.ts'
export { activation, exp, sigmoid, silu, softplus } from './activation/op.ts'
export { contiguous } from './apply.ts'
export { attention } from './attention/attention/op.ts'
export { cacheAppend } from './attention/cache-append/op.ts'
export { rope } from './attention/rope/op.ts'
export { cast } from './cast/op.ts'
export { causalConv1d, causalConv1dUpdate } from './causal-conv1d/op.ts'
export { crossEntropy } from './cross-entropy/op.ts'
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
} from './elementwise/op.ts'
export { fftConvolution } from './lti/convolution/op.ts'
export { flip } from './flip/op.ts'
export { embedding, scatterAdd } from './gather/op.ts'
export { withGradients } from './gradients.ts'
export { concat, reshape, slice, split } from './layout/op.ts'
export { ltiDense } from './lti/dense/op.ts'
export { ltiDiagonal } from './lti/lti-diagonal.ts'
export { ltiKernel } from './lti/kernel/op.ts'
export { linear, matmul } from './matmul/op.ts'
export { meanSquaredError } from './mean-squared-error/op.ts'
export { layerNorm, rmsNorm } from './norm/op.ts'
export { normLinear } from './norm-linear/op.ts'
export { adamWStep, clipFactor, sumOfSquares } from './optimizer/op.ts'
export { packedEmbedding, packedLinear } from './packed/op.ts'
export { packRows, type PackedFormat } from './packed/format.ts'
export { PackedMatrix } from './packed/matrix.ts'
export { embeddingBy, linearBy, type Weight } from './packed/weight.ts'
export { recompute } from './recompute.ts'
export { broadcastTo, max, mean, sum } from './reduce/op.ts'
export { sample } from './sample/op.ts'
export { selectiveScan } from './scan/op.ts'
export { selectiveStep } from './scan/fused-step/op.ts'
export type { SelectiveStepInputs } from './scan/fused-step/types.ts'
export { ssd } from './ssd/op.ts'
export { stackRows } from './stack-rows.ts'
export { selectiveStateUpdate } from './scan/step/op.ts'
export { ssdStateUpdate } from './ssd/step/op.ts'
