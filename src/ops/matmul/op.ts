import { activeTape } from '../../autograd/tape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Activation } from '../activation/kinds.ts'
import { activationBackwardOp } from '../activation/op.ts'
import { apply } from '../apply.ts'
import { add } from '../elementwise/op.ts'
import { reshape } from '../layout/op.ts'
import { defineOperation, type GradientCall } from '../operation.ts'
import { sumTo } from '../reduce/op.ts'
import { outputShape } from './dims.ts'
import type { MatmulInputs, MatmulOutputs, MatmulParams } from './types.ts'

export type { MatmulInputs } from './types.ts'

/** How the operands lie, and what follows the product. */
export interface MatmulOptions {
  readonly transposeA?: boolean
  readonly transposeB?: boolean
  /** Applied to A B + bias, before the residual is added. Default: identity. */
  readonly activation?: Activation
}

/** What follows the product. */
export interface LinearEpilogue {
  /** Applied before the residual is added. Default: identity. */
  readonly activation?: Activation
  readonly residual?: Tensor | undefined
}

/** pre = A B + bias; y = f(pre) + residual */
export const matmulOp = defineOperation<MatmulInputs, MatmulOutputs, MatmulParams>({
  name: 'matmul',
  outputs(inputs, params) {
    const shape = outputShape(inputs, params)
    return { y: { shape }, pre: params.keepPre ? { shape } : undefined }
  },
  views: ['a', 'b'],
  saved: ['a', 'b', 'bias', 'pre'],
  gradient,
})

/**
 * y = f(A B + bias) + residual. With an activation, a recorded call keeps A B + bias beside y for its
 * gradient.
 *
 * @throws ShapeError if the operands do not fit
 */
export function matmul(inputs: MatmulInputs, options: MatmulOptions = {}): Tensor {
  const { transposeA = false, transposeB = false, activation = 'identity' } = options
  const { a, b, bias } = inputs
  const tape = activeTape()
  const keepPre = activation !== 'identity' && [a, b, bias].some((x) => tape?.tracks(x))
  const { y, pre } = apply(matmulOp, inputs, { transposeA, transposeB, activation, keepPre })
  // The tape holds its memory as long as the gradient needs it.
  pre?.dispose()
  return y
}

/** y [..., out] = f(x [..., in] weightᵀ + bias) + residual; weight [out, in], bias [out]. */
export function linear(x: Tensor, weight: Tensor, bias?: Tensor, options: LinearEpilogue = {}): Tensor {
  const { activation, residual } = options
  const rows = x.shape.length === 1 ? reshape(x, [1, x.width]) : x
  const y = matmul(
    { a: rows, b: weight, bias, residual },
    { transposeB: true, ...(activation && { activation }) },
  )
  return rows === x ? y : reshape(y, [y.width])
}

/**
 * With dPre = dy · f'(pre): dA = dPre Bᵀ, dB = Aᵀ dPre, dBias = its column sums, dresidual = dy. Each
 * transpose is read as it is stored: none is made.
 */
function gradient({
  inputs,
  outputs,
  params,
  grads,
  wants,
}: GradientCall<MatmulInputs, MatmulOutputs, MatmulParams>): {
  [K in keyof MatmulInputs]?: Tensor | undefined
} {
  const { a, b, bias } = inputs
  const { transposeA: ta, transposeB: tb, activation } = params
  const parts: Tensor[] = grads.pre ? [grads.pre] : []
  if (grads.y && (wants('a') || wants('b') || wants('bias'))) parts.push(throughActivation(grads.y))
  const dPre = parts.length === 2 ? add(parts[0], parts[1]) : parts[0]
  if (!dPre) return { residual: grads.y }
  // One b for all matrices of a: their rows are those of one tall matrix.
  const tall = b.shape.length === 2 && !ta
  const flat = (x: Tensor): Tensor => (tall ? reshape(x, [x.rows, x.width]) : x)
  const [rows, dRows] = [flat(a), flat(dPre)]
  const dA = (): Tensor =>
    ta
      ? matmul({ a: b, b: dRows }, { transposeA: tb, transposeB: true })
      : matmul({ a: dRows, b }, { transposeB: !tb })
  const dB = (): Tensor =>
    tb
      ? matmul({ a: dRows, b: rows }, { transposeA: true, transposeB: ta })
      : matmul({ a: rows, b: dRows }, { transposeA: !ta })
  return {
    a: wants('a') ? (tall ? reshape(dA(), a.shape) : sumTo(dA(), a.shape)) : undefined,
    b: wants('b') ? sumTo(dB(), b.shape) : undefined,
    bias: bias && wants('bias') ? sumTo(dPre, bias.shape) : undefined,
    residual: grads.y,
  }

  function throughActivation(dy: Tensor): Tensor {
    if (activation === 'identity') return dy
    const pre = outputs.pre ?? matmul({ a, b, bias }, { transposeA: ta, transposeB: tb })
    return apply(activationBackwardOp, { x: pre, dy }, { kind: activation }).dx
  }
}
