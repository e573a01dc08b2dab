import { cases, integers, normal, values, type CaseSet } from '../cases.ts'
import { embeddingOp, scatterAddOp } from './op.ts'

const embeddingCases = cases(embeddingOp, {
  'one token': { inputs: { tokens: integers([1], 0, 1), weight: normal([1, 1]) }, params: {} },
  'a batch': { inputs: { tokens: integers([3, 7], 0, 31), weight: normal([31, 33]) }, params: {} },
  'many repeats': { inputs: { tokens: integers([2, 131], 0, 3), weight: normal([3, 67]) }, params: {} },
  'wide rows, few used': { inputs: { tokens: integers([5], 0, 67), weight: normal([67, 271]) }, params: {} },
  'ids out of range take the nearest row': {
    inputs: { tokens: values([5], [-1, 7, 2147483647, -2147483648, 3], 'i32'), weight: normal([7, 5]) },
    params: {},
  },
})

const scatterAddCases = cases(scatterAddOp, {
  'one row': { inputs: { rows: normal([1, 1]), indices: integers([1], 0, 1) }, params: { count: 1 } },
  'a batch': {
    inputs: { rows: normal([2, 33, 31]), indices: integers([2, 33], 0, 13) },
    params: { count: 13 },
  },
  'one place for all': {
    inputs: { rows: normal([521, 7]), indices: integers([521], 4, 5) },
    params: { count: 7 },
  },
  'more rows than places': {
    inputs: { rows: normal([7, 263]), indices: integers([7], 0, 311) },
    params: { count: 311 },
  },
  'columns of wider rows': {
    inputs: { rows: normal([37, 18], { columnsOf: 29 }), indices: integers([37], 0, 11) },
    params: { count: 11 },
  },
  'indices out of range count as the nearest': {
    inputs: { rows: normal([4, 3]), indices: values([4], [-5, 3, 1000, 1], 'i32') },
    params: { count: 3 },
  },
})

export const gatherCases: readonly CaseSet[] = [embeddingCases, scatterAddCases]
