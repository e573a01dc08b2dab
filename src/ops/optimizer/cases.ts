import { cases, normal, values, type CaseSet } from '../cases.ts'
import { adamWStepOp, clipFactorOp, sumOfSquaresOp } from './op.ts'

const hyper = (step: number, weightDecay: number): ReturnType<typeof values> =>
  values([8], [2e-2, 0.9, 0.95, 1e-8, weightDecay, 1 - 0.9 ** step, 1 - 0.95 ** step, 0])

const state = (shape: readonly number[]) => ({
  parameter: normal(shape),
  gradient: normal(shape),
  m: normal(shape, { deviation: 0.1 }),
  v: normal(shape, { deviation: 0.1, positive: true }),
})

export const optimizerCases: readonly CaseSet[] = [
  cases(adamWStepOp, {
    'one element': { inputs: { ...state([1]), hyper: hyper(1, 0) }, params: {} },
    'decay and a scale': {
      inputs: { ...state([7, 33]), hyper: hyper(5, 0.1), gradientScale: values([1], [0.25]) },
      params: {},
    },
    'more than a workgroup': { inputs: { ...state([1031]), hyper: hyper(100, 0.05) }, params: {} },
    'the gradient is columns of wider rows': {
      inputs: { ...state([5, 13]), gradient: normal([5, 13], { columnsOf: 29 }), hyper: hyper(3, 0.1) },
      params: {},
    },
    'no gradient yet': {
      inputs: {
        parameter: normal([5]),
        gradient: values([5], [0, 0, 0, 0, 0]),
        m: values([5], [0, 0, 0, 0, 0]),
        v: values([5], [0, 0, 0, 0, 0]),
        hyper: hyper(1, 0.1),
      },
      params: {},
    },
  }),
  cases(sumOfSquaresOp, {
    'one element': { inputs: { x: normal([1]) }, params: {} },
    'three axes': { inputs: { x: normal([3, 7, 31]) }, params: {} },
    'several parts': { inputs: { x: normal([33, 521]) }, params: {} },
    'more than the largest number of parts takes at once': { inputs: { x: normal([530011]) }, params: {} },
    'columns of wider rows': { inputs: { x: normal([5, 13], { columnsOf: 29 }) }, params: {} },
  }),
  cases(clipFactorOp, {
    'above the limit': { inputs: { squares: normal([7], { positive: true }) }, params: { maxNorm: 0.5 } },
    'below the limit': { inputs: { squares: normal([1], { positive: true }) }, params: { maxNorm: 100 } },
    'no limit': { inputs: { squares: normal([307], { positive: true }) }, params: { maxNorm: 0 } },
    'no gradient': { inputs: { squares: values([3], [0, 0, 0]) }, params: { maxNorm: 1 } },
  }),
]
