/** Products on matrix units, for a device opened with `subgroupMatrix`: activations are rounded to halves, sums are f32. */
import type { Activation } from '../../src/ops/activation/kinds.ts'
import { cases, normal, type Case } from '../../src/ops/cases.ts'
import { packed } from '../../src/ops/packed/cases.ts'
import { packedLinearOp } from '../../src/ops/packed/op.ts'
import type { PackedLinearInputs, PackedLinearParams } from '../../src/ops/packed/types.ts'
import type { Check } from './check.ts'
import { deviceChecks } from './operations.ts'

/** A half has 11 bits: half a unit in the last of them, for each of many activations, is far below this. */
const tolerance = { out: 5e-4 }
const params = (rows: number, activation: Activation = 'identity') =>
  ({ format: 'f16', rows, activation }) as const

const product = (M: number, N: number, K: number): Case<PackedLinearInputs, PackedLinearParams> => ({
  inputs: { x: normal([M, K]), words: packed('f16', N, K) },
  params: params(N),
  tolerance,
})

export const matrixChecks: readonly Check[] = deviceChecks(
  cases(packedLinearOp, {
    'matrix units, odd sizes': product(33, 33, 96),
    'matrix units, one step': product(131, 67, 32),
    'matrix units, above the tile': product(131, 131, 160),
    'matrix units, one output': product(65, 1, 64),
    'matrix units, a long inner axis': product(35, 17, 2080),
    'matrix units, many tiles': product(1031, 3352, 96),
    'matrix units, large tiles': product(2048, 3072, 64),
    'matrix units, bias, activation, residual': {
      inputs: {
        x: normal([3, 47, 64]),
        words: packed('f16', 67, 64),
        bias: normal([67]),
        residual: normal([3, 47, 67]),
      },
      params: params(67, 'silu'),
      tolerance,
    },
    'matrix units, bias and residual of a sum in parts': {
      inputs: {
        x: normal([40, 2048]),
        words: packed('f16', 80, 2048),
        bias: normal([80]),
        residual: normal([40, 80]),
      },
      params: params(80),
      tolerance,
    },
    'matrix units, columns of wider rows': {
      inputs: { x: normal([2, 33, 96], { columnsOf: 132 }), words: packed('f16', 13, 96) },
      params: params(13),
      tolerance,
    },
  }),
)
