import type { Arrays } from '../operation.ts'
import type { FlipInputs, FlipOutputs } from './types.ts'

export function flip({ x }: Arrays<FlipInputs>, { y }: Arrays<FlipOutputs>): void {
  const [batch, length, ...rest] = x.shape
  const token = rest.reduce((size, axis) => size * axis, 1)
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      const from = (b * length + length - 1 - t) * token
      y.data.set(x.data.subarray(from, from + token), (b * length + t) * token)
    }
  }
}
