import { sizeOf, type Shape } from '../../tensor/shape.ts'
import { cases, integers, normal, values, type CaseSet, type Draw } from '../cases.ts'
import { crossEntropyBackwardInPlaceOp, crossEntropyBackwardOp, crossEntropyOp } from './op.ts'

/** Labels below V, about a third of which do not count. */
function someIgnored(shape: Shape, V: number, ignoreIndex: number): Draw {
  const label = (random: { integer(bound: number): number }): number =>
    random.integer(3) === 0 ? ignoreIndex : random.integer(V)
  return {
    shape,
    dtype: 'i32',
    draw: (random) => Int32Array.from({ length: sizeOf(shape) }, () => label(random)),
  }
}

const overwrite = { ignoreIndex: -100, keepLogits: false }
const keep = { ignoreIndex: -100, keepLogits: true }

const forwardCases = cases(crossEntropyOp, {
  'one class': { inputs: { logits: normal([1, 1]), labels: integers([1], 0, 1) }, params: overwrite },
  'odd sizes': { inputs: { logits: normal([7, 33]), labels: someIgnored([7], 33, -100) }, params: overwrite },
  'kept logits': { inputs: { logits: normal([7, 33]), labels: someIgnored([7], 33, -100) }, params: keep },
  'more than a workgroup': {
    inputs: { logits: normal([3, 1301], { deviation: 3 }), labels: integers([3], 0, 1301) },
    params: overwrite,
  },
  'many rows': {
    inputs: { logits: normal([521, 5]), labels: someIgnored([521], 5, -100) },
    params: overwrite,
  },
  'another ignored label': {
    inputs: { logits: normal([31, 11]), labels: someIgnored([31], 11, 4) },
    params: { ...overwrite, ignoreIndex: 4 },
  },
  'large logits': {
    inputs: { logits: normal([5, 67], { mean: 2000, deviation: 30 }), labels: integers([5], 0, 67) },
    params: overwrite,
    // A float32 near 2000 is known to 1e-4.
    tolerance: { grad: 1e-3 },
  },
  'nothing counts': {
    inputs: { logits: normal([3, 7]), labels: values([3], [-100, -100, -100], 'i32') },
    params: overwrite,
  },
  'columns of wider rows': {
    inputs: { logits: normal([5, 29], { columnsOf: 37 }), labels: someIgnored([5], 29, -100) },
    params: overwrite,
  },
})

const backwardInputs = {
  logits: normal([7, 33]),
  labels: someIgnored([7], 33, -100),
  logSumExp: normal([7], { mean: 4 }),
  count: values([1], [5]),
}
const dLoss = normal([1])
const dLogSumExp = normal([7])

const variants = {
  both: { inputs: { ...backwardInputs, dLoss, dLogSumExp }, params: { ignoreIndex: -100 } },
  'loss alone': { inputs: { ...backwardInputs, dLoss }, params: { ignoreIndex: -100 } },
  'logSumExp alone': { inputs: { ...backwardInputs, dLogSumExp }, params: { ignoreIndex: -100 } },
}

export const crossEntropyCases: readonly CaseSet[] = [
  forwardCases,
  cases(crossEntropyBackwardOp, variants),
  cases(crossEntropyBackwardInPlaceOp, variants),
]
