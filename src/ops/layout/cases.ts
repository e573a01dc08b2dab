import { cases, halves, integers, normal } from '../cases.ts'
import { concatOp, reshapeOp } from './op.ts'

export const layoutCases = [
  cases(reshapeOp, {
    'other axes': { inputs: { x: normal([3, 5, 4]) }, params: { shape: [6, 10] } },
    'one value': { inputs: { x: normal([1, 1]) }, params: { shape: [] } },
  }),
  cases(concatOp, {
    'odd widths': {
      inputs: { part0: normal([5, 1]), part1: normal([5, 31]), part2: normal([5, 7]) },
      params: { leading: [5], widths: [1, 31, 7] },
    },
    views: {
      inputs: { part0: normal([2, 3, 5], { columnsOf: 9 }), part1: normal([2, 3, 4]) },
      params: { leading: [2, 3], widths: [5, 4] },
    },
    'a missing part': {
      inputs: { part0: undefined, part1: normal([33, 3]), part2: undefined },
      params: { leading: [33], widths: [67, 3, 1] },
    },
    integers: {
      inputs: { part0: integers([7, 2], -9, 9), part1: integers([7, 3], 0, 9) },
      params: { leading: [7], widths: [2, 3] },
    },
    'halves, odd widths and a missing part': {
      inputs: { part0: halves([5, 3]), part1: undefined, part2: halves([5, 7], { columnsOf: 12 }) },
      params: { leading: [5], widths: [3, 5, 7] },
      finiteDifferences: false,
    },
  }),
]
