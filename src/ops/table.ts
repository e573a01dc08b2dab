/**
 * The table of all operations, and the cases they are tested with. A new operation is tested by standing
 * here.
 */
import { activationCases } from './activation/cases.ts'
import { attentionCases } from './attention/attention/cases.ts'
import { cacheAppendCases } from './attention/cache-append/cases.ts'
import { ropeCases } from './attention/rope/cases.ts'
import type { CaseSet } from './cases.ts'
import { castCases } from './cast/cases.ts'
import { causalConv1dCases } from './causal-conv1d/cases.ts'
import { copyCases } from './copy/cases.ts'
import { crossEntropyCases } from './cross-entropy/cases.ts'
import { elementwiseCases } from './elementwise/cases.ts'
import { flipCases } from './flip/cases.ts'
import { gatherCases } from './gather/cases.ts'
import { layoutCases } from './layout/cases.ts'
import { fftConvolutionCases } from './lti/convolution/cases.ts'
import { ltiDenseCases } from './lti/dense/cases.ts'
import { ltiDiagonalCases } from './lti/diagonal/cases.ts'
import { ltiKernelCases } from './lti/kernel/cases.ts'
import { matmulCases } from './matmul/cases.ts'
import { meanSquaredErrorCases } from './mean-squared-error/cases.ts'
import { normLinearCases } from './norm-linear/cases.ts'
import { normCases } from './norm/cases.ts'
import { optimizerCases } from './optimizer/cases.ts'
import { packedCases } from './packed/cases.ts'
import { reduceCases } from './reduce/cases.ts'
import { sampleCases } from './sample/cases.ts'
import { selectiveScanCases } from './scan/cases.ts'
import { selectiveStepCases } from './scan/fused-step/cases.ts'
import { stateUpdateCases } from './scan/step/cases.ts'
import { ssdCases } from './ssd/cases.ts'
import { ssdStateUpdateCases } from './ssd/step/cases.ts'

export const operationCases: readonly CaseSet[] = Object.freeze([
  activationCases,
  attentionCases,
  ropeCases,
  cacheAppendCases,
  castCases,
  copyCases,
  ...crossEntropyCases,
  ...elementwiseCases,
  fftConvolutionCases,
  flipCases,
  ...gatherCases,
  ...layoutCases,
  ltiDenseCases,
  ltiDiagonalCases,
  ltiKernelCases,
  ...normCases,
  ...normLinearCases,
  ...optimizerCases,
  matmulCases,
  meanSquaredErrorCases,
  ...packedCases,
  ...reduceCases,
  sampleCases,
  ...causalConv1dCases,
  ...selectiveScanCases,
  selectiveStepCases,
  ...stateUpdateCases,
  ...ssdStateUpdateCases,
  ssdCases,
])
