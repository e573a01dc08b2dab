import { cases, integers, normal } from '../cases.ts'
import { flipOp } from './op.ts'

export const flipCases = cases(flipOp, {
  'one token': { inputs: { x: normal([2, 1, 7]) }, params: {} },
  'odd sizes': { inputs: { x: normal([3, 31, 33]) }, params: {} },
  'four axes': { inputs: { x: normal([2, 5, 3, 7]) }, params: {} },
  'single numbers': { inputs: { x: normal([3, 67, 1]) }, params: {} },
  'columns of wider rows': { inputs: { x: normal([2, 5, 13], { columnsOf: 29 }) }, params: {} },
  integers: { inputs: { x: integers([2, 7, 3], -9, 9) }, params: {} },
})
