import { cases, normal, uniform } from '../../cases.ts'
import { selectiveStateUpdateInPlaceOp, selectiveStateUpdateOp } from './op.ts'

function bare(batch: number, inner: number, stateSize: number, groups = 1) {
  return {
    state: normal([batch, inner, stateSize]),
    x: normal([batch, inner]),
    delta: uniform([batch, inner], 0, 1),
    A: uniform([inner, stateSize], -4, -0.1),
    B: normal([batch, groups * stateSize]),
    C: normal([batch, groups * stateSize]),
  }
}

function full(batch: number, inner: number, stateSize: number, groups = 1) {
  return {
    ...bare(batch, inner, stateSize, groups),
    delta: normal([batch, inner]),
    D: normal([inner]),
    z: normal([batch, inner]),
    deltaBias: normal([inner]),
  }
}

const softplus = { deltaSoftplus: true } as const

const list = {
  'one state': { inputs: bare(1, 1, 1), params: {} },
  bare: { inputs: bare(2, 7, 5), params: {} },
  full: { inputs: full(3, 33, 16), params: softplus },
  groups: { inputs: full(2, 21, 33, 3), params: softplus },
  'views, many channels': {
    inputs: {
      ...full(2, 263, 16),
      B: normal([2, 16], { columnsOf: 41 }),
      C: normal([2, 16], { columnsOf: 38 }),
      z: normal([2, 263], { columnsOf: 526 }),
    },
    params: softplus,
  },
  '256 states': { inputs: full(1, 5, 256), params: softplus },
} as const

export const stateUpdateCases = [
  cases(selectiveStateUpdateOp, list),
  cases(selectiveStateUpdateInPlaceOp, {
    ...list,
    'decay as a logarithm': {
      inputs: { ...full(2, 33, 16), A: uniform([33, 16], -2, 1.5) },
      params: { ...softplus, logDecay: true },
    },
  }),
]
