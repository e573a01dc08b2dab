import { cases, normal, uniform, values, type Draw } from '../cases.ts'
import { selectiveScanOp } from './op.ts'

/** Resets at the given flat places of [batch, length]. */
function resets(batch: number, length: number, places: readonly number[]): Draw {
  const list = Array.from({ length: batch * length }, (_, i) => (places.includes(i) ? 1 : 0))
  return values([batch, length], list, 'i32')
}

/** u, delta, A, B, C of a scan; B and C vary by token. */
function scan(batch: number, length: number, inner: number, stateSize: number, groups = 1) {
  return {
    u: normal([batch, length, inner]),
    delta: normal([batch, length, inner], { mean: -1 }),
    A: uniform([inner, stateSize], -4, -0.1),
    B: normal([batch, length, groups * stateSize]),
    C: normal([batch, length, groups * stateSize]),
  }
}

/** All optional inputs but the reset. */
function rest(batch: number, length: number, inner: number, stateSize: number) {
  return {
    D: normal([inner]),
    z: normal([batch, length, inner]),
    deltaBias: normal([inner]),
    initialState: normal([batch, inner, stateSize]),
  }
}

const softplus = { deltaSoftplus: true } as const

const whole = cases(selectiveScanOp, {
  'one token, one channel, one state': { inputs: scan(1, 1, 1, 1), params: softplus },
  'bare, any sign of delta': {
    inputs: { ...scan(2, 7, 5, 5), delta: normal([2, 7, 5], { deviation: 0.3 }), A: normal([5, 5]) },
    params: {},
  },
  full: { inputs: { ...scan(2, 31, 7, 8), ...rest(2, 31, 7, 8) }, params: softplus },
  'bias without softplus': {
    inputs: { ...scan(1, 33, 5, 16), delta: uniform([1, 33, 5], 0, 0.5), deltaBias: uniform([5], 0, 0.2) },
    params: {},
  },
  'gate only': {
    inputs: { ...scan(1, 33, 9, 16), z: normal([1, 33, 9], { deviation: 3 }) },
    params: softplus,
  },
  groups: { inputs: { ...scan(2, 33, 21, 5, 3), ...rest(2, 33, 21, 5) }, params: softplus },
  'constant B and C': {
    inputs: { ...scan(2, 65, 7, 5), ...rest(2, 65, 7, 5), B: normal([7, 5]), C: normal([7, 5]) },
    params: softplus,
  },
  'constant B, groups of C': {
    inputs: { ...scan(1, 31, 6, 8, 2), ...rest(1, 31, 6, 8), B: normal([6, 8]) },
    params: softplus,
  },
  'groups of B, constant C': {
    inputs: { ...scan(2, 70, 6, 4, 3), ...rest(2, 70, 6, 4), C: normal([6, 4]) },
    params: softplus,
  },
  'resets, long': {
    inputs: {
      ...scan(2, 300, 5, 16),
      ...rest(2, 300, 5, 16),
      reset: resets(2, 300, [0, 63, 64, 65, 190, 299, 320, 428, 599]),
    },
    params: softplus,
  },
  'views, long': {
    inputs: {
      ...scan(2, 131, 37, 16),
      ...rest(2, 131, 37, 16),
      B: normal([2, 131, 16], { columnsOf: 41 }),
      C: normal([2, 131, 16], { columnsOf: 38 }),
      z: normal([2, 131, 37], { columnsOf: 74 }),
    },
    params: softplus,
  },
  'many channels': { inputs: { ...scan(1, 70, 263, 16), ...rest(1, 70, 263, 16) }, params: softplus },
  '33 states': { inputs: { ...scan(1, 67, 11, 33), ...rest(1, 67, 11, 33) }, params: softplus },
  '64 states, groups': { inputs: { ...scan(2, 65, 10, 64, 2), ...rest(2, 65, 10, 64) }, params: softplus },
  '256 states': { inputs: { ...scan(1, 7, 3, 256), ...rest(1, 7, 3, 256) }, params: softplus },
  'slow decay': {
    inputs: { ...scan(1, 300, 3, 4), A: uniform([3, 4], -0.02, -0.001), ...rest(1, 300, 3, 4) },
    params: softplus,
  },
  'tiny steps': {
    inputs: { ...scan(1, 33, 5, 16), deltaBias: normal([5], { mean: -7 }) },
    params: softplus,
  },
})

export const selectiveScanCases = [whole]
