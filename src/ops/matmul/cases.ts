import { cases, normal } from '../cases.ts'
import { matmulOp } from './op.ts'
import type { MatmulParams } from './types.ts'

const plain: MatmulParams = { transposeA: false, transposeB: false, activation: 'identity', keepPre: false }

/** Operands of [M, K] · [K, N] as they are stored. */
function stored(
  M: number,
  K: number,
  N: number,
  { transposeA, transposeB }: Pick<MatmulParams, 'transposeA' | 'transposeB'>,
): { a: ReturnType<typeof normal>; b: ReturnType<typeof normal> } {
  return { a: normal(transposeA ? [K, M] : [M, K]), b: normal(transposeB ? [N, K] : [K, N]) }
}

const sizes = {
  'one row': [1, 67, 131],
  'three rows': [3, 31, 33],
  'odd sizes': [33, 31, 7],
  'above the tile': [67, 71, 131],
  'many tiles': [131, 37, 203],
  'long inner axis': [7, 1031, 33],
  'one column': [31, 33, 1],
  'inner axis of one': [9, 1, 11],
} as const

const transposes = [false, true].flatMap((transposeA) =>
  [false, true].flatMap((transposeB) =>
    Object.entries(sizes).map(([name, [M, K, N]]) => {
      const flags = { transposeA, transposeB }
      const label = `${name}${transposeA ? ', a transposed' : ''}${transposeB ? ', b transposed' : ''}`
      return [label, { inputs: stored(M, K, N, flags), params: { ...plain, ...flags } }] as const
    }),
  ),
)

export const matmulCases = cases(matmulOp, {
  ...Object.fromEntries(transposes),
  'long inner axis, few outputs': {
    inputs: stored(17, 2999, 13, { transposeA: true, transposeB: false }),
    params: { ...plain, transposeA: true },
  },
  bias: {
    inputs: { ...stored(33, 31, 67, plain), bias: normal([67]) },
    params: plain,
  },
  'bias, activation, residual': {
    inputs: { a: normal([37, 31]), b: normal([67, 31]), bias: normal([67]), residual: normal([37, 67]) },
    params: { ...plain, transposeB: true, activation: 'silu', keepPre: true },
  },
  'all of it, one row': {
    inputs: { a: normal([1, 131]), b: normal([67, 131]), bias: normal([67]), residual: normal([1, 67]) },
    params: { ...plain, transposeB: true, activation: 'gelu', keepPre: true },
  },
  'all of it, two rows, plain b': {
    inputs: { a: normal([2, 31]), b: normal([31, 67]), bias: normal([67]), residual: normal([2, 67]) },
    params: { ...plain, activation: 'softplus', keepPre: true },
  },
  'all of it, long inner axis': {
    inputs: { a: normal([9, 2999]), b: normal([2999, 13]), bias: normal([13]), residual: normal([9, 13]) },
    params: { ...plain, activation: 'tanh', keepPre: true },
  },
  'pre not kept': {
    inputs: { a: normal([5, 31]), b: normal([31, 7]), bias: normal([7]) },
    params: { ...plain, activation: 'square' },
  },
  'one b for a batch': { inputs: { a: normal([2, 3, 5, 31]), b: normal([31, 7]) }, params: plain },
  'one b for a batch, both transposed': {
    inputs: { a: normal([3, 31, 33]), b: normal([7, 31]) },
    params: { ...plain, transposeA: true, transposeB: true },
  },
  'one a for a batch': { inputs: { a: normal([33, 31]), b: normal([3, 31, 7]) }, params: plain },
  'a batch': { inputs: { a: normal([2, 3, 33, 31]), b: normal([2, 3, 31, 37]) }, params: plain },
  'a batch, transposed': {
    inputs: { a: normal([5, 31, 33]), b: normal([5, 7, 31]), residual: normal([5, 33, 7]) },
    params: { ...plain, transposeA: true, transposeB: true },
  },
  'a batch of single rows': {
    inputs: { a: normal([5, 1, 31]), b: normal([5, 7, 31]) },
    params: { ...plain, transposeB: true },
  },
  views: {
    inputs: { a: normal([2, 33, 31], { columnsOf: 67 }), b: normal([31, 37], { columnsOf: 41 }) },
    params: plain,
  },
  'views, transposed': {
    inputs: { a: normal([31, 33], { columnsOf: 67 }), b: normal([37, 31], { columnsOf: 41 }) },
    params: { ...plain, transposeA: true, transposeB: true },
  },
})
