import { ShapeError } from '../../errors.ts'
import { dims, expectRank, expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineBackward, withBackward } from '../backward.ts'
import { copyInto } from '../elementwise/op.ts'
import { asToken, reshape } from '../layout/op.ts'
import { defineOperation, type CallOf } from '../operation.ts'
import type {
  CausalConv1dInputs,
  CausalConv1dOutputs,
  CausalConv1dParams,
  CausalConv1dUpdateInputs,
  CausalConv1dUpdateOutputs,
} from './types.ts'

/** Most taps of the kernel. */
const MAX_TAPS = 8

const forward = defineOperation<CausalConv1dInputs, CausalConv1dOutputs, CausalConv1dParams>({
  name: 'causalConv1d',
  dtypes: { reset: 'i32' },
  outputs({ x, weight, bias, initialWindow, reset }) {
    const [batch, length, channels] = dims(x, 3, 'causalConv1d: x')
    const taps = expectTaps('causalConv1d', weight, channels)
    if (bias) expectShape('causalConv1d: bias', bias.shape, [channels])
    if (initialWindow)
      expectShape('causalConv1d: initialWindow', initialWindow.shape, [batch, channels, taps - 1])
    if (reset) expectShape('causalConv1d: reset', reset.shape, [batch, length])
    return {
      y: { shape: x.shape },
      finalWindow: { shape: [batch, channels, taps - 1] },
    }
  },
  views: ['x'],
})

export const causalConv1dBackwardOp = defineBackward(forward, {
  of: ['x', 'weight', 'bias', 'initialWindow'],
  reads: ['reset'],
})
export type CausalConv1dBackward = CallOf<typeof causalConv1dBackwardOp>

export const causalConv1dOp = withBackward(forward, causalConv1dBackwardOp)

export const causalConv1dUpdateOp = defineOperation<
  CausalConv1dUpdateInputs,
  CausalConv1dUpdateOutputs,
  CausalConv1dParams
>({
  name: 'causalConv1dUpdate',
  outputs({ window, x, weight, bias }) {
    const [batch, channels] = dims(x, 2, 'causalConv1dUpdate: x')
    const taps = expectTaps('causalConv1dUpdate', weight, channels)
    expectShape('causalConv1dUpdate: window', window.shape, [batch, channels, taps - 1])
    if (bias) expectShape('causalConv1dUpdate: bias', bias.shape, [channels])
    return { y: { shape: x.shape } }
  },
  views: ['x'],
  mutates: ['window'],
  /** The convolution over one token. */
  compose({ window, x, ...inputs }, params) {
    const { y, finalWindow } = causalConv1d({ ...inputs, x: asToken(x), initialWindow: window }, params)
    copyInto(window, finalWindow)
    return { y: reshape(y, x.shape) }
  },
})

/**
 * Depthwise causal convolution over time, with its activation:
 * `y[t, c] = act(bias[c] + sum over k of weight[c, k] * x[t - K + 1 + k, c])`.
 *
 * Before the first token stand the initial window or zeros. Taps that would reach over a reset are zero. The
 * final window holds the last K - 1 inputs as they came, resets or not: it continues the sequence as the next
 * initial window.
 */
export function causalConv1d(
  inputs: CausalConv1dInputs,
  params: CausalConv1dParams = {},
): CausalConv1dOutputs {
  return apply(causalConv1dOp, inputs, params)
}

/** One token of `causalConv1d`: the window moves on by one, in place. */
export function causalConv1dUpdate(
  inputs: CausalConv1dUpdateInputs,
  params: CausalConv1dParams = {},
): CausalConv1dUpdateOutputs {
  return apply(causalConv1dUpdateOp, inputs, params)
}

function expectTaps(where: string, weight: Tensor, channels: number): number {
  expectRank(`${where}: weight`, weight.shape, 2)
  const taps = weight.width
  expectShape(`${where}: weight`, weight.shape, [channels, taps])
  if (taps < 1 || taps > MAX_TAPS) {
    throw new ShapeError('number of taps', {
      where: `${where}: weight`,
      expected: `1 to ${MAX_TAPS}`,
      found: taps,
    })
  }
  return taps
}
