import type { Activation } from '../activation/kinds.ts'
import { cases, integers, normal, values, type CaseSet, type Draw } from '../cases.ts'
import { PACKED_FORMATS, PANEL_ROWS, packRows, panelWords, type PackedFormat } from './format.ts'
import { packedEmbeddingOp, packedLinearOp } from './op.ts'

/** Normally distributed weights [N, K], packed. */
export function packed(format: PackedFormat, N: number, K: number, deviation = 1): Draw {
  const weights = normal([N, K], { deviation })
  return {
    shape: [Math.ceil(N / PANEL_ROWS), panelWords(format, K)],
    dtype: 'u32',
    draw: (random) => packRows(format, weights.draw(random) as Float32Array, K),
  }
}

const plain: { readonly activation: Activation } = { activation: 'identity' }

/** M, N, K */
const sizes = {
  'one row': [1, 131, 96],
  'two rows': [2, 33, 160],
  'five rows': [5, 7, 64],
  'nine rows': [9, 131, 32],
  'odd sizes': [33, 33, 96],
  'above the tile': [131, 131, 160],
  'one output': [2, 1, 32],
  'one output, many rows': [33, 1, 64],
  'one panel': [1, 8, 64],
  'a long inner axis': [3, 33, 2080],
  'a long inner axis, many rows': [35, 17, 2080],
} as const

/** Rows that are no whole words. */
const oddSizes = {
  'inner axis of one': [1, 33, 1],
  'inner axis of one, many rows': [33, 7, 1],
  'odd inner axis': [5, 131, 31],
  'odd inner axis, many rows': [131, 33, 31],
  'inner axis of 48': [1, 131, 48],
} as const

const linearCases = PACKED_FORMATS.map((format) => {
  const all = { ...sizes, ...(format === 'f16' && oddSizes) }
  const products = Object.entries(all).map(([name, [M, N, K]]) => {
    const inputs = { x: normal([M, K]), words: packed(format, N, K) }
    return [`${format}, ${name}`, { inputs, params: { format, rows: N, ...plain } }] as const
  })
  const full = (M: number, activation: Activation) => ({
    inputs: {
      x: normal([M, 64]),
      words: packed(format, 67, 64),
      bias: normal([67]),
      residual: normal([M, 67]),
    },
    params: { format, rows: 67, activation },
  })
  return cases(packedLinearOp, {
    ...Object.fromEntries(products),
    [`${format}, bias, activation, residual, one row`]: full(1, 'gelu'),
    [`${format}, bias, activation, residual, five rows`]: full(5, 'softplus'),
    [`${format}, bias, activation, residual, many rows`]: full(37, 'silu'),
    [`${format}, one axis`]: {
      inputs: { x: normal([32]), words: packed(format, 33, 32), bias: normal([33]) },
      params: { format, rows: 33, ...plain },
    },
    [`${format}, columns of wider rows`]: {
      inputs: { x: normal([2, 3, 32], { columnsOf: 45 }), words: packed(format, 13, 32) },
      params: { format, rows: 13, ...plain },
    },
    [`${format}, columns of wider rows, many`]: {
      inputs: { x: normal([2, 33, 96], { columnsOf: 131 }), words: packed(format, 13, 96) },
      params: { format, rows: 13, ...plain },
    },
    [`${format}, weights and scales below the normal range of halves`]: {
      inputs: { x: normal([3, 64]), words: packed(format, 33, 64, 3e-5) },
      params: { format, rows: 33, ...plain },
    },
    [`${format}, the same, many rows`]: {
      inputs: { x: normal([33, 64]), words: packed(format, 33, 64, 3e-5) },
      params: { format, rows: 33, ...plain },
    },
    [`${format}, a few large values among small ones`]: {
      inputs: { x: spiky([5, 96]), words: packed(format, 67, 96) },
      params: { format, rows: 67, ...plain },
    },
  })
})

/** Each 31st value is large. */
function spiky(shape: readonly [number, number]): Draw {
  const draw = normal(shape)
  return {
    ...draw,
    draw: (random) => (draw.draw(random) as Float32Array).map((x, i) => (i % 31 === 0 ? 1000 * x : 1e-3 * x)),
  }
}

const embeddingCases = PACKED_FORMATS.map((format) =>
  cases(packedEmbeddingOp, {
    [`${format}, one token`]: {
      inputs: { tokens: integers([1], 0, 1), words: packed(format, 1, 32) },
      params: { format, rows: 1, columns: 32 },
    },
    [`${format}, a batch`]: {
      inputs: { tokens: integers([3, 7], 0, 33), words: packed(format, 33, 96) },
      params: { format, rows: 33, columns: 96 },
    },
    [`${format}, scales below the normal range of halves`]: {
      inputs: { tokens: integers([5], 0, 13), words: packed(format, 13, 64, 3e-5) },
      params: { format, rows: 13, columns: 64 },
    },
    [`${format}, ids out of range take the nearest row`]: {
      inputs: {
        tokens: values([5], [-1, 7, 2147483647, -2147483648, 3], 'i32'),
        words: packed(format, 7, 64),
      },
      params: { format, rows: 7, columns: 64 },
    },
  }),
)

const oddEmbeddingCases = cases(packedEmbeddingOp, {
  'f16, rows of one': {
    inputs: { tokens: integers([5], 0, 33), words: packed('f16', 33, 1) },
    params: { format: 'f16', rows: 33, columns: 1 },
  },
  'f16, odd rows': {
    inputs: { tokens: integers([2, 131], 0, 9), words: packed('f16', 9, 31) },
    params: { format: 'f16', rows: 9, columns: 31 },
  },
})

export const packedCases: readonly CaseSet[] = [...linearCases, ...embeddingCases, oddEmbeddingCases]
