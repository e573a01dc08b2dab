import { cases, normal, values, type Draw } from '../cases.ts'
import { causalConv1dOp, causalConv1dUpdateOp } from './op.ts'

/** Resets at the given flat places of [batch, length]. */
function resets(batch: number, length: number, places: readonly number[]): Draw {
  const list = Array.from({ length: batch * length }, (_, i) => (places.includes(i) ? 1 : 0))
  return values([batch, length], list, 'i32')
}

const silu = { activation: 'silu' } as const

const whole = cases(causalConv1dOp, {
  'four taps': { inputs: { x: normal([2, 33, 7]), weight: normal([7, 4]), bias: normal([7]) }, params: silu },
  'no bias, no activation': { inputs: { x: normal([1, 31, 13]), weight: normal([13, 4]) }, params: {} },
  'one tap': { inputs: { x: normal([2, 7, 5]), weight: normal([5, 1]), bias: normal([5]) }, params: silu },
  'two taps, window': {
    inputs: {
      x: normal([2, 7, 9]),
      weight: normal([9, 2]),
      bias: normal([9]),
      initialWindow: normal([2, 9, 1]),
    },
    params: { activation: 'identity' },
  },
  'three taps, window, resets': {
    inputs: {
      x: normal([2, 31, 5]),
      weight: normal([5, 3]),
      bias: normal([5]),
      initialWindow: normal([2, 5, 2]),
      reset: resets(2, 31, [4, 5, 30, 31, 60]),
    },
    params: silu,
  },
  'eight taps, window, early resets': {
    inputs: {
      x: normal([2, 71, 67]),
      weight: normal([67, 8]),
      initialWindow: normal([2, 67, 7]),
      reset: resets(2, 71, [2, 65, 74, 141]),
    },
    params: silu,
  },
  'shorter than the kernel': {
    inputs: { x: normal([3, 2, 6]), weight: normal([6, 4]), bias: normal([6]) },
    params: silu,
  },
  'shorter than the kernel, window': {
    inputs: {
      x: normal([2, 1, 11]),
      weight: normal([11, 4]),
      bias: normal([11]),
      initialWindow: normal([2, 11, 3]),
    },
    params: silu,
  },
  'columns of wider rows, long': {
    inputs: {
      x: normal([2, 300, 31], { columnsOf: 75 }),
      weight: normal([31, 4]),
      bias: normal([31]),
      initialWindow: normal([2, 31, 3]),
    },
    params: silu,
  },
  'many channels': {
    inputs: { x: normal([1, 5, 1031]), weight: normal([1031, 4]), bias: normal([1031]) },
    params: silu,
  },
})

const update = cases(causalConv1dUpdateOp, {
  'four taps': {
    inputs: { window: normal([3, 33, 3]), x: normal([3, 33]), weight: normal([33, 4]), bias: normal([33]) },
    params: silu,
  },
  'two taps, columns, no bias': {
    inputs: { window: normal([2, 7, 1]), x: normal([2, 7], { columnsOf: 17 }), weight: normal([7, 2]) },
    params: {},
  },
  'one tap': {
    inputs: { window: normal([2, 5, 0]), x: normal([2, 5]), weight: normal([5, 1]) },
    params: silu,
  },
  'eight taps, many channels': {
    inputs: {
      window: normal([1, 1031, 7]),
      x: normal([1, 1031]),
      weight: normal([1031, 8]),
      bias: normal([1031]),
    },
    params: silu,
  },
})

export const causalConv1dCases = [whole, update]
