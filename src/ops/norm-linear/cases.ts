import { cases, normal, type CaseSet, type Draw } from '../cases.ts'
import { packed } from '../packed/cases.ts'
import { PACKED_FORMATS, type PackedFormat } from '../packed/format.ts'
import { normLinearOp } from './op.ts'

const eps = 1e-5
const FORMATS = [undefined, ...PACKED_FORMATS]

function weight(format: PackedFormat | undefined, N: number, K: number): Draw {
  return format ? packed(format, N, K) : normal([N, K])
}

/** Near 1, so that no channel vanishes. */
const scale = (K: number): Draw => normal([K], { mean: 1, deviation: 0.3 })

/** B, N, K: below and above the rows of one launch. */
const sizes = {
  'one row': [1, 131, 96],
  'one output': [1, 1, 32],
  'five rows': [5, 33, 160],
  'a long inner axis': [1, 67, 1568],
  'many rows': [37, 33, 64],
} as const

const sets = FORMATS.map((format) => {
  const of = (B: number, N: number, K: number) => ({
    inputs: { x: normal([B, K]), scale: scale(K), weight: weight(format, N, K) },
    params: { eps, rows: N, format },
    // Packed weights have no gradient.
    finiteDifferences: format === undefined,
  })
  const name = format ?? 'f32'
  const products = Object.entries(sizes).flatMap(([size, [B, N, K]]) => {
    const plain = of(B, N, K)
    const { inputs } = plain
    return [
      [`${name}, ${size}`, plain],
      [`${name}, ${size}, residual`, { ...plain, inputs: { ...inputs, residual: normal([B, K]) } }],
      [`${name}, ${size}, gate`, { ...plain, inputs: { ...inputs, z: normal([B, K]) } }],
    ] as const
  })
  const views = of(3, 13, 32)
  return cases(normLinearOp, {
    ...Object.fromEntries(products),
    [`${name}, bias`]: { ...views, inputs: { ...views.inputs, bias: normal([13]) } },
    [`${name}, neither scale nor large values`]: {
      inputs: { x: normal([2, 32], { deviation: 1e-3 }), weight: weight(format, 13, 32) },
      params: { eps: 1e-6, rows: 13, format },
      // It bends too much over the step of a difference.
      finiteDifferences: false,
    },
    [`${name}, columns of wider rows`]: {
      ...views,
      inputs: {
        ...views.inputs,
        x: normal([3, 32], { columnsOf: 45 }),
        z: normal([3, 32], { columnsOf: 77 }),
      },
    },
  })
})

const odd = cases(normLinearOp, {
  'f32, one column': {
    inputs: { x: normal([1, 1]), weight: normal([7, 1]) },
    params: { eps: 0.5, rows: 7 },
  },
  'f16, odd columns': {
    inputs: { x: normal([3, 31]), residual: normal([3, 31]), weight: packed('f16', 9, 31) },
    params: { eps, rows: 9, format: 'f16' },
    finiteDifferences: false,
  },
})

export const normLinearCases: readonly CaseSet[] = [...sets, odd]
