import { cases, normal } from '../cases.ts'
import { copyOp } from './op.ts'

export const copyCases = cases(copyOp, {
  'one row': { inputs: { x: normal([1, 7]) }, params: {} },
  'odd rows': { inputs: { x: normal([33, 31]) }, params: {} },
  'three axes': { inputs: { x: normal([3, 5, 67]) }, params: {} },
  'columns of wider rows': { inputs: { x: normal([5, 13], { columnsOf: 29 }) }, params: {} },
})
