/** Products with a weight that is f32 [N, K] or packed, for operations that contain one. */
import { reference as floatReference } from '../matmul/reference.ts'
import type { MatmulInputs, MatmulOutputs, MatmulParams } from '../matmul/types.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Call, NdArray } from '../operation.ts'
import { PANEL_ROWS, panelWords, type PackedFormat } from './format.ts'
import { linearReference } from './reference.ts'
import type { PackedLinearInputs, PackedLinearOutputs, PackedLinearParams } from './types.ts'

export type EitherParams = {
  /** N */
  readonly rows: number
  /** What the weight is packed as; f32 if absent. */
  readonly format?: PackedFormat | undefined
}

interface Operands<T> {
  readonly x: T
  readonly weight: T
  readonly bias?: T | undefined
  readonly y: T
}

/** The kernels that a device has for both. */
export interface Products<Launch> {
  readonly float: (call: Call<MatmulInputs, MatmulOutputs, MatmulParams>) => readonly Launch[]
  readonly packed: (
    call: Call<PackedLinearInputs, PackedLinearOutputs, PackedLinearParams>,
  ) => readonly Launch[]
}

const activation = 'identity'
const FLOAT: MatmulParams = { transposeA: false, transposeB: true, activation, keepPre: false }

/** The shape of a weight [N, K]: of its words, if it is packed. */
export function weightShape({ rows, format }: EitherParams, columns: number): readonly number[] {
  return format ? [Math.ceil(rows / PANEL_ROWS), panelWords(format, columns)] : [rows, columns]
}

/** The launches of y = x weightᵀ + bias. */
export function product<Launch>(
  { float, packed }: Products<Launch>,
  { device, scratch }: Pick<Call<object, object, object>, 'device' | 'scratch'>,
  { x, weight, bias, y }: Operands<Tensor>,
  { rows, format }: EitherParams,
): readonly Launch[] {
  const call = { device, scratch, outputs: { y } }
  return format
    ? packed({ ...call, inputs: { x, words: weight, bias }, params: { format, rows, activation } })
    : float({ ...call, inputs: { a: x, b: weight, bias }, params: FLOAT })
}

/** y = x weightᵀ + bias */
export function productReference(
  { x, weight, bias, y }: Operands<NdArray>,
  { rows, format }: EitherParams,
): void {
  const residual = undefined
  if (format) {
    linearReference({ x, words: weight, bias, residual }, { y }, { format, rows, activation })
  } else floatReference({ a: x, b: weight, bias, residual }, { y, pre: undefined }, FLOAT)
}
