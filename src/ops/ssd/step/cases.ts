import { cases, normal, uniform } from '../../cases.ts'
import { ssdStateUpdateInPlaceOp, ssdStateUpdateOp } from './op.ts'

function bare(batch: number, heads: number, headDim: number, stateSize: number, groups = 1) {
  const inner = heads * headDim
  return {
    state: normal([batch, heads, headDim, stateSize]),
    x: normal([batch, inner]),
    delta: uniform([batch, heads], -0.5, 1),
    A: uniform([heads], -4, -0.1),
    B: normal([batch, groups * stateSize]),
    C: normal([batch, groups * stateSize]),
  }
}

function full(batch: number, heads: number, headDim: number, stateSize: number, groups = 1) {
  return {
    ...bare(batch, heads, headDim, stateSize, groups),
    delta: normal([batch, heads]),
    D: normal([heads]),
    z: normal([batch, heads * headDim]),
    deltaBias: normal([heads]),
  }
}

const plain = { groups: 1, deltaSoftplus: false }
const softplus = { groups: 1, deltaSoftplus: true }

const list = {
  'one of all': { inputs: bare(1, 1, 1, 1), params: plain },
  bare: { inputs: bare(2, 3, 7, 5), params: plain },
  full: { inputs: full(3, 2, 33, 16), params: softplus },
  'D by channel': { inputs: { ...full(2, 3, 5, 4), D: normal([15]) }, params: softplus },
  'groups, clamped delta': {
    inputs: full(2, 6, 4, 33, 3),
    params: { groups: 3, deltaSoftplus: true, deltaLimit: [0.15, 0.6] as const },
  },
  views: {
    inputs: {
      ...full(2, 2, 17, 16),
      x: normal([2, 34], { columnsOf: 71 }),
      delta: normal([2, 2], { columnsOf: 71 }),
      B: normal([2, 16], { columnsOf: 71 }),
      C: normal([2, 16], { columnsOf: 73 }),
      z: normal([2, 34], { columnsOf: 75 }),
    },
    params: softplus,
  },
  'a model': { inputs: full(2, 8, 64, 128), params: softplus, finiteDifferences: false },
  'many rows': { inputs: full(33, 4, 64, 33), params: softplus, finiteDifferences: false },
}

export const ssdStateUpdateCases = [
  cases(ssdStateUpdateOp, list),
  cases(ssdStateUpdateInPlaceOp, {
    ...list,
    'decay as a logarithm': {
      inputs: { ...full(3, 2, 33, 16), A: uniform([2], -2, 1.5) },
      params: { ...softplus, logDecay: true },
    },
  }),
]
