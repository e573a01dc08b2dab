import { cases, normal } from '../../cases.ts'
import { fftConvolutionOp } from './op.ts'

const sizes = (B: number, L: number, C: number) => ({
  inputs: { u: normal([B, L, C]), kernel: normal([C, L]) },
  params: {},
})

export const fftConvolutionCases = cases(fftConvolutionOp, {
  'one token': sizes(1, 1, 1),
  'two tokens': sizes(2, 2, 2),
  'three tokens': sizes(1, 3, 3),
  'odd length and channels': sizes(3, 7, 9),
  '31 tokens': sizes(2, 31, 33),
  '33 tokens': sizes(2, 33, 5),
  '67 tokens': sizes(1, 67, 8),
  'several passes': sizes(1, 601, 3),
})
