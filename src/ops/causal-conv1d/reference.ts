import { dims } from '../../tensor/shape.ts'
import { FUNCTIONS } from '../activation/reference.ts'
import type { Arrays } from '../operation.ts'
import type { CausalConv1dBackward } from './op.ts'
import type { CausalConv1dInputs, CausalConv1dOutputs, CausalConv1dParams } from './types.ts'

/** An element of x or of the initial window. */
interface Place {
  readonly of: 'x' | 'window'
  readonly index: number
}

/** What tap k of token t (sequence b, channel c) reads; undefined for a zero. */
function tap(
  { x, weight, initialWindow, reset }: Arrays<CausalConv1dInputs>,
  b: number,
  t: number,
  c: number,
  k: number,
): Place | undefined {
  const [, length, channels] = dims(x, 3)
  const taps = weight.shape[1]
  const s = t - taps + 1 + k
  for (let i = Math.max(0, s + 1); i <= t; i++)
    if (reset && reset.data[b * length + i] !== 0) return undefined
  if (s >= 0) return { of: 'x', index: (b * length + s) * channels + c }
  return initialWindow && { of: 'window', index: (b * channels + c) * (taps - 1) + s + taps - 1 }
}

/** Element j of the final window: input L - K + 1 + j. */
function last(
  { x, weight, initialWindow }: Arrays<CausalConv1dInputs>,
  b: number,
  c: number,
  j: number,
): Place | undefined {
  const [, length, channels] = dims(x, 3)
  const taps = weight.shape[1]
  const s = length - taps + 1 + j
  if (s >= 0) return { of: 'x', index: (b * length + s) * channels + c }
  return initialWindow && { of: 'window', index: (b * channels + c) * (taps - 1) + s + taps - 1 }
}

export function causalConv1d(
  inputs: Arrays<CausalConv1dInputs>,
  { y, finalWindow }: Arrays<CausalConv1dOutputs>,
  { activation = 'identity' }: CausalConv1dParams,
): void {
  const { x, weight, initialWindow } = inputs
  const [batch, length, channels] = dims(x, 3)
  const taps = weight.shape[1]
  const at = (place: Place | undefined): number =>
    place ? (place.of === 'x' ? x : initialWindow!).data[place.index] : 0
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < length; t++) {
        const pre = preActivation(inputs, at, b, t, c)
        y.data[(b * length + t) * channels + c] = FUNCTIONS[activation].f(pre)
      }
      for (let j = 0; j < taps - 1; j++) {
        finalWindow.data[(b * channels + c) * (taps - 1) + j] = at(last(inputs, b, c, j))
      }
    }
  }
}

function preActivation(
  inputs: Arrays<CausalConv1dInputs>,
  at: (place: Place | undefined) => number,
  b: number,
  t: number,
  c: number,
): number {
  const taps = inputs.weight.shape[1]
  let pre = inputs.bias ? inputs.bias.data[c] : 0
  for (let k = 0; k < taps; k++) pre += inputs.weight.data[c * taps + k] * at(tap(inputs, b, t, c, k))
  return pre
}

export function causalConv1dBackward(
  inputs: Arrays<CausalConv1dBackward['inputs']>,
  { dx, dWeight, dBias, dInitialWindow }: Arrays<CausalConv1dBackward['outputs']>,
  { activation = 'identity' }: CausalConv1dParams,
): void {
  const { x, weight, initialWindow, dy, dFinalWindow } = inputs
  const [batch, length, channels] = dims(x, 3)
  const taps = weight.shape[1]
  const at = (place: Place | undefined): number =>
    place ? (place.of === 'x' ? x : initialWindow!).data[place.index] : 0
  const add = (place: Place | undefined, value: number): void => {
    if (place) (place.of === 'x' ? dx : dInitialWindow!).data[place.index] += value
  }
  for (let b = 0; b < batch; b++) {
    for (let c = 0; c < channels; c++) {
      for (let t = 0; t < length; t++) {
        if (!dy) break
        const pre = preActivation(inputs, at, b, t, c)
        const slope = FUNCTIONS[activation].df(pre)
        const dPre = dy.data[(b * length + t) * channels + c] * slope
        if (dBias) dBias.data[c] += dPre
        for (let k = 0; k < taps; k++) {
          const place = tap(inputs, b, t, c, k)
          dWeight.data[c * taps + k] += dPre * at(place)
          add(place, dPre * weight.data[c * taps + k])
        }
      }
      for (let j = 0; j < taps - 1; j++) {
        if (!dFinalWindow) break
        add(last(inputs, b, c, j), dFinalWindow.data[(b * channels + c) * (taps - 1) + j])
      }
    }
  }
}
