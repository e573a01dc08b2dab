import { cases, normal, uniform, type CaseSet, type Draw } from '../../cases.ts'
import { packed } from '../../packed/cases.ts'
import type { PackedFormat } from '../../packed/format.ts'
import { selectiveStepOp } from './op.ts'

function weight(format: PackedFormat | undefined, inner: number, rank: number): Draw {
  return format ? packed(format, inner, rank, 0.3) : normal([inner, rank], { deviation: 0.3 })
}

function bare(batch: number, inner: number, stateSize: number, rank: number, format?: PackedFormat) {
  return {
    inputs: {
      state: normal([batch, inner, stateSize]),
      x: normal([batch, inner]),
      selected: normal([batch, rank + 2 * stateSize]),
      A: uniform([inner, stateSize], -4, -0.1),
      weight: weight(format, inner, rank),
    },
    params: { rows: inner, format },
  }
}

function full(batch: number, inner: number, stateSize: number, rank: number, format?: PackedFormat) {
  const { inputs, params } = bare(batch, inner, stateSize, rank, format)
  return {
    inputs: {
      ...inputs,
      A: uniform([inner, stateSize], -2, 1.5),
      D: normal([inner]),
      z: normal([batch, inner], { columnsOf: 2 * inner }),
      deltaBias: normal([inner]),
    },
    params: { ...params, logDecay: true },
  }
}

/** Rows below and above those of one launch. */
export const selectiveStepCases: CaseSet = cases(selectiveStepOp, {
  'one of all': bare(1, 1, 1, 1),
  bare: bare(2, 7, 5, 3),
  'one row': full(1, 33, 16, 48),
  'three rows': full(3, 33, 16, 5),
  'many rows': full(13, 33, 16, 5),
  'many states': full(1, 13, 131, 7),
  'f16, one row': full(1, 33, 16, 48, 'f16'),
  'f16, bare': bare(2, 13, 5, 3, 'f16'),
  'f16, many rows': full(11, 33, 16, 48, 'f16'),
  'q8, one row': full(1, 33, 16, 64, 'q8'),
  'q8, many rows': full(11, 13, 16, 32, 'q8'),
  'q4, three rows': full(3, 33, 16, 32, 'q4'),
})
