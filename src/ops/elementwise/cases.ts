import { cases, halves, integers, normal } from '../cases.ts'
import { accumulateOp, binaryOp, copyIntoOp, fillOp, OPERATORS, scaleOp } from './op.ts'

const operators = Object.fromEntries(
  OPERATORS.map((operator) => [
    operator,
    { inputs: { a: normal([5, 67]), b: normal([5, 67], { positive: true }) }, params: { operator } },
  ]),
)

export const elementwiseCases = [
  cases(binaryOp, {
    ...operators,
    'one value': { inputs: { a: normal([1]), b: normal([1]) }, params: { operator: 'add' } },
    long: { inputs: { a: normal([3, 4099]), b: normal([3, 4099]) }, params: { operator: 'multiply' } },
    'a row for all rows': { inputs: { a: normal([2, 7, 33]), b: normal([33]) }, params: { operator: 'add' } },
    'a row first': {
      inputs: { a: normal([31]), b: normal([2, 5, 31], { positive: true }) },
      params: { operator: 'divide' },
    },
    'a column': { inputs: { a: normal([2, 7, 33]), b: normal([7, 1]) }, params: { operator: 'multiply' } },
    'a scalar': { inputs: { a: normal([7, 33]), b: normal([]) }, params: { operator: 'subtract' } },
    'outer product': { inputs: { a: normal([31, 1]), b: normal([1, 33]) }, params: { operator: 'multiply' } },
    'axes in turn': {
      inputs: { a: normal([2, 1, 3, 5]), b: normal([1, 4, 3, 1]) },
      params: { operator: 'multiply' },
    },
    views: {
      inputs: { a: normal([2, 5, 13], { columnsOf: 29 }), b: normal([2, 5, 13], { columnsOf: 19 }) },
      params: { operator: 'multiply' },
    },
    'a view and a row': {
      inputs: { a: normal([7, 13], { columnsOf: 29 }), b: normal([13]) },
      params: { operator: 'add' },
    },
    'one column of a wider view': {
      inputs: { a: normal([7, 1], { columnsOf: 5 }), b: normal([7, 1]) },
      params: { operator: 'add' },
    },
  }),
  cases(scaleOp, {
    factor: { inputs: { x: normal([3, 67]) }, params: { factor: -0.5, shift: 0 } },
    'factor and shift': { inputs: { x: normal([5, 1031]) }, params: { factor: 2, shift: 0.25 } },
  }),
  cases(accumulateOp, {
    floats: { inputs: { into: normal([5, 1031]), x: normal([5, 1031]) }, params: {} },
    integers: { inputs: { into: integers([7], -9, 9), x: integers([7], 0, 3) }, params: {} },
  }),
  cases(copyIntoOp, {
    floats: { inputs: { into: normal([5, 131]), x: normal([5, 131]) }, params: {} },
    integers: { inputs: { into: integers([7], 0, 9), x: integers([7], -3, 3) }, params: {} },
    'a view': { inputs: { into: normal([5, 13]), x: normal([5, 13], { columnsOf: 29 }) }, params: {} },
    halves: { inputs: { into: halves([5, 13]), x: halves([5, 13], { columnsOf: 29 }) }, params: {} },
  }),
  cases(fillOp, {
    floats: { inputs: { into: normal([3, 1031]) }, params: { value: 0.75 } },
    integers: { inputs: { into: integers([33], 0, 9) }, params: { value: -7 } },
    halves: { inputs: { into: halves([3, 1031]) }, params: { value: 0.1 } },
  }),
]
