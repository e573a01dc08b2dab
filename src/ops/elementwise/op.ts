import type { AnyDevice, DType } from '../../devices/device.ts'
import { DTYPES } from '../../devices/dtype.ts'
import { ConfigError, ShapeError } from '../../errors.ts'
import { broadcastShapes, expectShape, type Shape } from '../../tensor/shape.ts'
import { empty, type Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import { broadcastTo, sumTo } from '../reduce/op.ts'
import { fits } from './loops.ts'
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

export { OPERATORS } from './types.ts'

/** y = a ∘ b with the broadcasting of NumPy. */
export const binaryOp = defineOperation<BinaryInputs, BinaryOutputs, BinaryParams>({
  name: 'binary',
  outputs: ({ a, b }, { operator }) => ({ y: { shape: broadcastShapes(operator, a.shape, b.shape) } }),
  views: ['a', 'b'],
  saved: ['a', 'b'],
  gradient({ inputs: { a, b }, grads, params: { operator }, wants }) {
    const dy = grads.y!
    const da = (): Tensor => {
      if (operator === 'multiply') return multiply(dy, b)
      return operator === 'divide' ? divide(dy, b) : dy
    }
    const db = (): Tensor => {
      if (operator === 'multiply') return multiply(dy, a)
      if (operator === 'divide') return scale(divide(multiply(dy, divide(a, b)), b), -1)
      return operator === 'subtract' ? scale(dy, -1) : dy
    }
    return {
      a: wants('a') ? sumTo(da(), a.shape) : undefined,
      b: wants('b') ? sumTo(db(), b.shape) : undefined,
    }
  },
})

/** y = factor · x + shift */
export const scaleOp = defineOperation<ScaleInputs, ScaleOutputs, ScaleParams>({
  name: 'scale',
  outputs: ({ x }) => ({ y: { shape: x.shape } }),
  gradient: ({ grads, params: { factor } }) => ({ x: factor === 1 ? grads.y : scale(grads.y!, factor) }),
})

/** into += x */
export const accumulateOp = defineOperation<IntoInputs, NoOutputs, object>({
  name: 'accumulate',
  dtypes: ['f32', 'i32'],
  outputs: ({ into, x }) => expectAlike('accumulate', into, x),
  mutates: ['into'],
})

/** into = x */
export const copyIntoOp = defineOperation<IntoInputs, NoOutputs, object>({
  name: 'copyInto',
  dtypes: DTYPES,
  outputs: ({ into, x }) => expectAlike('copyInto', into, x),
  views: ['x'],
  mutates: ['into'],
})

/** into = value */
export const fillOp = defineOperation<FillInputs, NoOutputs, FillParams>({
  name: 'fill',
  dtypes: DTYPES,
  outputs({ into }, { value }) {
    if ((into.dtype === 'i32' || into.dtype === 'u32') && !Number.isInteger(value)) {
      throw new ConfigError('expected an integer', { where: `fill: value of ${into.dtype}`, found: value })
    }
    return {}
  },
  mutates: ['into'],
})

/** a + b, shapes broadcast. */
export const add = (a: Tensor, b: Tensor): Tensor => binary('add', a, b)
/** a - b, shapes broadcast. */
export const subtract = (a: Tensor, b: Tensor): Tensor => binary('subtract', a, b)
/** a · b element by element, shapes broadcast. */
export const multiply = (a: Tensor, b: Tensor): Tensor => binary('multiply', a, b)
/** a / b, shapes broadcast. */
export const divide = (a: Tensor, b: Tensor): Tensor => binary('divide', a, b)

/** factor · x + shift */
export function scale(x: Tensor, factor: number, shift = 0): Tensor {
  return apply(scaleOp, { x }, { factor, shift }).y
}

/** into += x, in place. Not seen by a tape. */
export function accumulate(into: Tensor, x: Tensor): Tensor {
  apply(accumulateOp, { into, x }, {})
  return into
}

/** into = x, in place. Not seen by a tape. */
export function copyInto(into: Tensor, x: Tensor): Tensor {
  apply(copyIntoOp, { into, x }, {})
  return into
}

/** into = value everywhere, in place. Not seen by a tape. */
export function fill(into: Tensor, value: number): Tensor {
  apply(fillOp, { into }, { value })
  return into
}

/** A new tensor of zeros. */
export function zeros(device: AnyDevice, shape: Shape, dtype: DType = 'f32'): Tensor {
  return fill(empty(device, shape, dtype), 0)
}

function binary(operator: Operator, a: Tensor, b: Tensor): Tensor {
  const shape = broadcastShapes(operator, a.shape, b.shape)
  if (fits(shape, a, b)) return apply(binaryOp, { a, b }, { operator }).y
  return apply(binaryOp, { a: broadcastTo(a, shape), b: broadcastTo(b, shape) }, { operator }).y
}

function expectAlike(where: string, into: Tensor, x: Tensor): NoOutputs {
  expectShape(`${where}: x`, x.shape, into.shape)
  if (into.dtype !== x.dtype) {
    throw new ShapeError('has the wrong dtype', {
      where: `${where}: x`,
      expected: into.dtype,
      found: x.dtype,
    })
  }
  return {}
}
