import { cases, integers, normal } from '../../cases.ts'
import { ltiDenseStatesOp } from './op.ts'

const sizes = (B: number, L: number, S: number) => ({
  v: normal([B, L, S]),
  A: normal([S, S], { deviation: 0.5 / Math.sqrt(S) }),
})

export const ltiDenseCases = cases(ltiDenseStatesOp, {
  'one token, one state': { inputs: sizes(1, 1, 1), params: {} },
  'odd sizes': { inputs: sizes(3, 7, 5), params: {} },
  'initial state': { inputs: { ...sizes(2, 31, 7), initialState: normal([2, 7]) }, params: {} },
  'reset mask': {
    inputs: { ...sizes(2, 33, 13), initialState: normal([2, 13]), reset: integers([2, 33], 0, 2) },
    params: {},
  },
  'more states than a workgroup': { inputs: sizes(1, 5, 259), params: {} },
})
