import { cases, normal, uniform } from '../../cases.ts'
import { complexMode, realMode } from '../diagonal/cases.ts'
import { ltiKernelOp } from './op.ts'

const zoh = { discretization: 'zoh', scale: 2 } as const
const bilinear = { discretization: 'bilinear', scale: 2 } as const

export const ltiKernelCases = cases(ltiKernelOp, {
  'one tap': { inputs: complexMode({ C: 1, N: 1 }), params: { ...zoh, length: 1 } },
  'zoh, complex': {
    inputs: { ...complexMode({ C: 3, N: 7 }), D: normal([3]) },
    params: { ...zoh, length: 33 },
  },
  'bilinear, complex': { inputs: complexMode({ C: 5, N: 3 }), params: { ...bilinear, length: 67 } },
  'zoh, real': { inputs: realMode({ C: 3, N: 33 }), params: { ...zoh, scale: 1, length: 131 } },
  'bilinear, real, with poles past -2': {
    inputs: { ...realMode({ C: 5, N: 7 }), logDt: uniform([5], -1, 1), aRe: uniform([5, 7], -4, -0.5) },
    params: { ...bilinear, scale: 1, length: 31 },
  },
  'complex A alone': {
    inputs: { ...complexMode({ C: 2, N: 3 }), bIm: undefined, cIm: undefined },
    params: { ...zoh, length: 7 },
  },
  'A near zero': {
    inputs: {
      ...complexMode({ C: 2, N: 3 }),
      aRe: uniform([2, 3], -1e-5, 0),
      aIm: uniform([2, 3], -1e-5, 1e-5),
    },
    params: { ...zoh, length: 64 },
  },
  'several tiles': {
    inputs: { ...complexMode({ C: 2, N: 19 }), logDt: uniform([2], -7, -5) },
    params: { ...zoh, length: 2111 },
  },
})
