import { stridesOf, type Shape } from '../../tensor/shape.ts'
import type { Arrays, NdArray } from '../operation.ts'
import type {
  BinaryInputs,
  BinaryOutputs,
  BinaryParams,
  FillInputs,
  FillParams,
  IntoInputs,
  NoOutputs,
  Operator,
  ScaleInputs,
  ScaleOutputs,
  ScaleParams,
} from './types.ts'

const FUNCTIONS: Record<Operator, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
}

export function binary(
  { a, b }: Arrays<BinaryInputs>,
  { y }: Arrays<BinaryOutputs>,
  params: BinaryParams,
): void {
  const f = FUNCTIONS[params.operator]
  for (let i = 0; i < y.data.length; i++) y.data[i] = f(at(a, y.shape, i), at(b, y.shape, i))
}

/** The element of `x` that element `i` of the broadcast `shape` reads. */
function at(x: NdArray, shape: Shape, i: number): number {
  const strides = stridesOf(x.shape)
  let index = 0
  let rest = i
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const own = axis - (shape.length - x.shape.length)
    if (own >= 0 && x.shape[own] !== 1) index += (rest % shape[axis]) * strides[own]
    rest = Math.floor(rest / shape[axis])
  }
  return x.data[index]
}

export function scale(
  { x }: Arrays<ScaleInputs>,
  { y }: Arrays<ScaleOutputs>,
  { factor, shift }: ScaleParams,
): void {
  for (let i = 0; i < x.data.length; i++) y.data[i] = factor * x.data[i] + shift
}

export function accumulate({ into, x }: Arrays<IntoInputs>): void {
  for (let i = 0; i < x.data.length; i++) into.data[i] += x.data[i]
}

export function copyInto({ into, x }: Arrays<IntoInputs>): void {
  into.data.set(x.data)
}

export function fill({ into }: Arrays<FillInputs>, _: Arrays<NoOutputs>, { value }: FillParams): void {
  into.data.fill(value)
}
