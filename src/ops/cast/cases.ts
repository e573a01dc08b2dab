import { cases, halves, normal } from '../cases.ts'
import { castOp } from './op.ts'

/** Differences cannot see through the rounding of values, nor of gradients. */
const finiteDifferences = false
/** Every device rounds alike. */
const tolerance = { out: 0, grad: 0 }
const exact = { finiteDifferences, tolerance }

export const castCases = cases(castOp, {
  'to f16, one value': { inputs: { x: normal([1]) }, params: { dtype: 'f16' }, ...exact },
  'to f16, odd rows': { inputs: { x: normal([33, 31]) }, params: { dtype: 'f16' }, ...exact },
  'to f16, long': { inputs: { x: normal([2, 4099]) }, params: { dtype: 'f16' }, ...exact },
  'to f16, columns of wider rows': {
    inputs: { x: normal([5, 13], { columnsOf: 30 }) },
    params: { dtype: 'f16' },
    ...exact,
  },
  'to f16, subnormal': {
    inputs: { x: normal([7, 31], { deviation: 1e-6 }) },
    params: { dtype: 'f16' },
    ...exact,
  },
  'to f32, one value': { inputs: { x: halves([1]) }, params: { dtype: 'f32' }, ...exact },
  'to f32, odd rows': { inputs: { x: halves([33, 31]) }, params: { dtype: 'f32' }, ...exact },
  'to f32, columns of wider rows': {
    inputs: { x: halves([5, 13], { columnsOf: 30 }) },
    params: { dtype: 'f32' },
    ...exact,
  },
})
