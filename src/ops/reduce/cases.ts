import { cases, normal, values } from '../cases.ts'
import { broadcastOp, maxBackwardOp, maxOp, sumOp } from './op.ts'

const shapes = {
  'one value': [1, 1, 1],
  'short rows': [5, 7, 1],
  'long row': [1, 40_009, 1],
  rows: [3, 1031, 1],
  columns: [1, 67, 33],
  'many rows of columns': [1, 4099, 31],
  'middle axis': [3, 67, 131],
} as const

export const reduceCases = [
  cases(sumOp, {
    ...Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        { inputs: { x: normal(shape) }, params: { factor: 1 } },
      ]),
    ),
    mean: { inputs: { x: normal([2, 8, 5]) }, params: { factor: 1 / 8 } },
  }),
  cases(broadcastOp, {
    rows: { inputs: { x: normal([7, 1]) }, params: { n: 1031, factor: 0.5 } },
    columns: { inputs: { x: normal([1, 131]) }, params: { n: 67, factor: 1 } },
    'middle axis': { inputs: { x: normal([3, 31]) }, params: { n: 33, factor: -2 } },
  }),
  cases(maxOp, {
    ...Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [name, { inputs: { x: normal(shape) }, params: {} }]),
    ),
    'equal maxima': {
      inputs: { x: values([1, 6, 1], [1, 3, 2, 3, 3, 0]) },
      params: {},
      finiteDifferences: false,
    },
  }),
  cases(maxBackwardOp, {
    'equal maxima': {
      inputs: {
        x: values([2, 3, 2], [1, 5, 4, 5, 4, 2, 7, 7, 7, 7, 7, 7]),
        y: values([2, 2], [4, 5, 7, 7]),
        dy: normal([2, 2]),
      },
      params: {},
    },
  }),
]
