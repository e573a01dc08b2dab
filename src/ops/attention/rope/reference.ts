import { dims } from '../../../tensor/shape.ts'
import type { Arrays } from '../../operation.ts'
import type { RopeInputs, RopeOutputs, RopeParams } from './types.ts'

export function rope(
  { x, past }: Arrays<RopeInputs>,
  { y }: Arrays<RopeOutputs>,
  { headDim: P, theta, rotaryDim: R, inverse }: RopeParams,
): void {
  const [B, L, width] = dims(x, 3)
  const half = R / 2
  y.data.set(x.data)
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < L; i++) {
      const position = (past?.data[b] ?? 0) + i
      for (let head = 0; head < width / P; head++) {
        const at = (b * L + i) * width + head * P
        for (let d = 0; d < half; d++) {
          const angle = (inverse ? -1 : 1) * position * theta ** ((-2 * d) / R)
          const [cos, sin] = [Math.cos(angle), Math.sin(angle)]
          const [x0, x1] = [x.data[at + d], x.data[at + half + d]]
          y.data[at + d] = x0 * cos - x1 * sin
          y.data[at + half + d] = x1 * cos + x0 * sin
        }
      }
    }
  }
}
