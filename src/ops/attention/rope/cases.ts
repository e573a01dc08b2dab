import { cases, normal, values } from '../../cases.ts'
import { ropeOp } from './op.ts'

const ropeParams = { headDim: 8, theta: 10000, rotaryDim: 8, inverse: false }

export const ropeCases = cases(ropeOp, {
  'from the start': { inputs: { x: normal([2, 31, 16]) }, params: ropeParams },
  'part of a head, backwards': {
    inputs: { x: normal([1, 7, 22]) },
    params: { headDim: 11, theta: 500, rotaryDim: 6, inverse: true },
  },
  'after a cache, far out': {
    inputs: { x: normal([2, 5, 128]), past: values([2], [3, 131071], 'i32') },
    params: { headDim: 128, theta: 1e6, rotaryDim: 128, inverse: false },
  },
  'a view': { inputs: { x: normal([2, 33, 8], { columnsOf: 21 }) }, params: ropeParams },
})
