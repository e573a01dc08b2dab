import { cases, normal } from '../cases.ts'
import { ACTIVATIONS } from './kinds.ts'
import { activationOp } from './op.ts'

const wide = Object.fromEntries(
  ACTIVATIONS.map((kind) => [
    kind,
    {
      inputs: { x: kind === 'log' ? normal([3, 67], { positive: true }) : normal([3, 67], { deviation: 4 }) },
      params: { kind },
    },
  ]),
)

export const activationCases = cases(activationOp, {
  ...wide,
  'one element': { inputs: { x: normal([1]) }, params: { kind: 'silu' } },
  'more than a workgroup': { inputs: { x: normal([5, 1031]) }, params: { kind: 'gelu' } },
})
