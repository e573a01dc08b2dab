/** Products with a weight that is f32 [N, K] or packed, for operations that contain one. */
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { linear } from '../matmul/op.ts'
import { PANEL_ROWS, panelWords } from './format.ts'
import { packedLinearOp, refuseGradient } from './op.ts'
import type { EitherParams } from './types.ts'

/** The shape of a weight [N, K]: of its words, if it is packed. */
export function weightShape({ rows, format }: EitherParams, columns: number): readonly number[] {
  return format ? [Math.ceil(rows / PANEL_ROWS), panelWords(format, columns)] : [rows, columns]
}

/**
 * y = x weightᵀ + bias.
 *
 * @throws ConfigError if a gradient would be wanted through a packed weight
 */
export function eitherLinear(
  x: Tensor,
  weight: Tensor,
  bias: Tensor | undefined,
  { rows, format }: EitherParams,
): Tensor {
  if (!format) return linear(x, weight, bias)
  refuseGradient(format, [x, bias])
  return apply(packedLinearOp, { x, words: weight, bias }, { format, rows, activation: 'identity' }).y
}
