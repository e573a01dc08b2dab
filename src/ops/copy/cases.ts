import { cases, halves, normal } from '../cases.ts'
import { copyOp } from './op.ts'

export const copyCases = cases(copyOp, {
  'one row': { inputs: { x: normal([1, 7]) }, params: {} },
  'odd rows': { inputs: { x: normal([33, 31]) }, params: {} },
  'three axes': { inputs: { x: normal([3, 5, 67]) }, params: {} },
  'halves, odd size': { inputs: { x: halves([3, 7]) }, params: {}, finiteDifferences: false },
  'halves, columns of wider rows': {
    inputs: { x: halves([5, 13], { columnsOf: 30 }) },
    params: {},
    finiteDifferences: false,
  },
  'columns of wider rows': { inputs: { x: normal([5, 13], { columnsOf: 29 }) }, params: {} },
})
