/** `sidewinder/ops`: the operations as functions of named tensors: differentiable, on every device. */
export * from '../ops/index.ts'
export type { AttentionInputs } from '../ops/attention/attention/types.ts'
export type { CacheAppendInputs } from '../ops/attention/cache-append/types.ts'
export type { RopeInputs } from '../ops/attention/rope/types.ts'
export type { FloatType } from '../ops/cast/types.ts'
export type {
  CausalConv1dInputs,
  CausalConv1dOutputs,
  CausalConv1dParams,
  CausalConv1dUpdateInputs,
  CausalConv1dUpdateOutputs,
} from '../ops/causal-conv1d/types.ts'
export type { CrossEntropyOptions } from '../ops/cross-entropy/op.ts'
export type { CrossEntropyInputs } from '../ops/cross-entropy/types.ts'
export type { EmbeddingInputs, ScatterAddInputs, ScatterAddParams } from '../ops/gather/types.ts'
export type { WithGradients } from '../ops/gradients.ts'
export type { FftConvolutionInputs } from '../ops/lti/convolution/types.ts'
export type { LtiDenseInputs } from '../ops/lti/dense/types.ts'
export type { LtiDiagonalInputs } from '../ops/lti/diagonal/types.ts'
export type { LtiKernelParams } from '../ops/lti/kernel/types.ts'
export type { LtiDiagonalOptions, LtiDiagonalResult } from '../ops/lti/lti-diagonal.ts'
export type { LtiMode } from '../ops/lti/types.ts'
export type { LinearEpilogue, MatmulOptions } from '../ops/matmul/op.ts'
export type { MatmulInputs } from '../ops/matmul/types.ts'
export type { MeanSquaredErrorInputs, MeanSquaredErrorOutputs } from '../ops/mean-squared-error/types.ts'
export type { NormLinearInputs, NormLinearOutputs } from '../ops/norm-linear/types.ts'
export type { RmsNormOptions } from '../ops/norm/op.ts'
export type { NormInputs, NormOutputs, NormParams } from '../ops/norm/types.ts'
export type {
  AdamWStepInputs,
  ClipFactorInputs,
  ClipFactorOutputs,
  ClipFactorParams,
  SumOfSquaresInputs,
} from '../ops/optimizer/types.ts'
export type { SampleInputs } from '../ops/sample/types.ts'
export type {
  DecayParams,
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
  StepOptions,
} from '../ops/scan/step/types.ts'
export type { SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams } from '../ops/scan/types.ts'
export type {
  SsdStateUpdateInputs,
  SsdStateUpdateOutputs,
  SsdStateUpdateParams,
} from '../ops/ssd/step/types.ts'
export type { SsdInputs, SsdOutputs, SsdParams } from '../ops/ssd/types.ts'
