import { cases, integers, normal, uniform, type Draw } from '../../cases.ts'
import { ltiDiagonalOp } from './op.ts'

interface Sizes {
  readonly B?: number
  readonly L: number
  readonly C: number
  readonly N: number
}

/** Steps and poles as models have them: decaying, with frequencies of several turns in all. */
export const realMode = ({ C, N }: Omit<Sizes, 'L'>) => ({
  logDt: uniform([C], -5, -1),
  aRe: uniform([C, N], -2, -0.1),
  bRe: normal([C, N]),
  cRe: normal([C, N]),
})
export const complexMode = ({ C, N }: Omit<Sizes, 'L'>) => ({
  ...realMode({ C, N }),
  aIm: normal([C, N], { deviation: 8 }),
  bIm: normal([C, N]),
  cIm: normal([C, N]),
})
const real = (sizes: Sizes) => ({ ...realMode(sizes), u: u(sizes), D: normal([sizes.C]) })
const complex = (sizes: Sizes) => ({ ...complexMode(sizes), u: u(sizes), D: normal([sizes.C]) })
const u = ({ B = 2, L, C }: Sizes): Draw => normal([B, L, C])
const initialRe = ({ B = 2, C, N }: Sizes): Draw => normal([B, C, N])
const resets = ({ B = 2, L }: Sizes, one = 5): Draw => {
  const draw = integers([B, L], 0, one)
  return { ...draw, draw: (random) => draw.draw(random).map((x) => (x === 0 ? 1 : 0)) }
}

const small = { L: 7, C: 3, N: 2 }
const odd = { L: 33, C: 5, N: 7 }
const long = { B: 1, L: 211, C: 7, N: 5 }
const wide = { B: 2, L: 67, C: 67, N: 3 }
const zoh = { discretization: 'zoh', scale: 2 } as const
const bilinear = { discretization: 'bilinear', scale: 2 } as const

export const ltiDiagonalCases = cases(ltiDiagonalOp, {
  'one token': { inputs: { ...complex({ L: 1, C: 1, N: 1 }) }, params: zoh },
  'zoh, complex': { inputs: complex(small), params: zoh },
  'bilinear, complex': { inputs: complex(odd), params: bilinear },
  'zoh, real': { inputs: real(odd), params: { ...zoh, scale: 1 } },
  'bilinear, real, with poles past -2': {
    inputs: { ...real(odd), logDt: uniform([5], -1, 1), aRe: uniform([5, 7], -4, -0.5) },
    params: { ...bilinear, scale: 1 },
  },
  'complex A alone': {
    inputs: { ...complex(small), bIm: undefined, cIm: undefined, D: undefined },
    params: zoh,
  },
  'A near zero': {
    inputs: {
      ...complex(odd),
      aRe: uniform([5, 7], -1e-5, 0),
      aIm: uniform([5, 7], -1e-5, 1e-5),
    },
    params: zoh,
  },
  'initial state, complex': {
    inputs: { ...complex(odd), initialRe: initialRe(odd), initialIm: initialRe(odd) },
    params: zoh,
  },
  'initial state, real': {
    inputs: { ...real(odd), initialRe: initialRe(odd) },
    params: { ...zoh, scale: 1 },
  },
  'long, several chunks': {
    inputs: { ...complex(long), initialRe: initialRe(long) },
    params: zoh,
  },
  'reset mask': {
    inputs: {
      ...complex(long),
      initialRe: initialRe(long),
      initialIm: initialRe(long),
      reset: resets(long, 40),
    },
    params: zoh,
  },
  'reset at every other token, real': {
    inputs: { ...real(odd), initialRe: initialRe(odd), reset: resets(odd, 2) },
    params: { ...bilinear, scale: 1 },
  },
  'the final state only': {
    inputs: { ...complex(odd), initialRe: initialRe(odd), initialIm: initialRe(odd) },
    params: { ...zoh, finalOnly: true },
  },
  'more channels than a workgroup': { inputs: complex(wide), params: bilinear },
})
