import { cases, normal, values } from '../cases.ts'
import { meanSquaredErrorOp } from './op.ts'

export const meanSquaredErrorCases = cases(meanSquaredErrorOp, {
  'one number': { inputs: { prediction: normal([1, 1]), target: normal([1, 1]) }, params: {} },
  'three axes': { inputs: { prediction: normal([2, 7, 31]), target: normal([2, 7, 31]) }, params: {} },
  'rows that count less, or not at all': {
    inputs: {
      prediction: normal([5, 3], { columnsOf: 7 }),
      target: normal([5, 3]),
      weight: values([5], [1, 0, 0.5, 1, 0]),
    },
    params: {},
  },
  'no row counts': {
    inputs: { prediction: normal([2, 3]), target: normal([2, 3]), weight: values([2], [0, 0]) },
    params: {},
    // Of a weight that becomes 1e-5 instead of 0, the loss is as large as of one that is 1.
    finiteDifferences: false,
  },
})
