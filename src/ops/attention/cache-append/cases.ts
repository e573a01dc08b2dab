import { cases, normal, values } from '../../cases.ts'
import { cacheAppendOp } from './op.ts'

export const cacheAppendCases = cases(cacheAppendOp, {
  'one row': {
    inputs: { cache: normal([2, 5, 7]), x: normal([2, 1, 7]), past: values([2], [0, 4], 'i32') },
    params: {},
  },
  'many rows of a view, some beyond the end': {
    inputs: {
      cache: normal([2, 33, 31]),
      x: normal([2, 29, 31], { columnsOf: 67 }),
      past: values([2], [1, 17], 'i32'),
    },
    params: {},
  },
})
