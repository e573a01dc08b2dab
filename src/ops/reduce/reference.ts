import { dims } from '../../tensor/shape.ts'
import type { Arrays } from '../operation.ts'
import type {
  BroadcastInputs,
  BroadcastOutputs,
  BroadcastParams,
  MaxBackwardInputs,
  MaxBackwardOutputs,
  ReduceInputs,
  ReduceOutputs,
  SumParams,
} from './types.ts'

export function sum({ x }: Arrays<ReduceInputs>, { y }: Arrays<ReduceOutputs>, { factor }: SumParams): void {
  const [outer, n, inner] = dims(x, 3)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let total = 0
      for (let k = 0; k < n; k++) total += x.data[(o * n + k) * inner + i]
      y.data[o * inner + i] = factor * total
    }
  }
}

export function broadcast(
  { x }: Arrays<BroadcastInputs>,
  { y }: Arrays<BroadcastOutputs>,
  { n, factor }: BroadcastParams,
): void {
  const [outer, inner] = dims(x, 2)
  for (let o = 0; o < outer; o++) {
    for (let k = 0; k < n; k++) {
      for (let i = 0; i < inner; i++) y.data[(o * n + k) * inner + i] = factor * x.data[o * inner + i]
    }
  }
}

export function max({ x }: Arrays<ReduceInputs>, { y }: Arrays<ReduceOutputs>): void {
  const [outer, n, inner] = dims(x, 3)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      let largest = Number.NEGATIVE_INFINITY
      for (let k = 0; k < n; k++) largest = Math.max(largest, x.data[(o * n + k) * inner + i])
      y.data[o * inner + i] = largest
    }
  }
}

export function maxBackward(
  { x, y, dy }: Arrays<MaxBackwardInputs>,
  { dx }: Arrays<MaxBackwardOutputs>,
): void {
  const [outer, n, inner] = dims(x, 3)
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      const to = o * inner + i
      for (let k = 0; k < n; k++) {
        const at = (o * n + k) * inner + i
        if (x.data[at] !== y.data[to]) continue
        dx.data[at] = dy.data[to]!
        break
      }
    }
  }
}
