import { reference as norm } from '../norm/reference.ts'
import type { Arrays, NdArray } from '../operation.ts'
import { productReference } from '../packed/either.ts'
import type { NormLinearInputs, NormLinearOutputs, NormLinearParams } from './types.ts'

/** The product of the norm. */
export function reference(
  { x, residual, z, scale, weight, bias }: Arrays<NormLinearInputs>,
  { y, sum }: Arrays<NormLinearOutputs>,
  params: NormLinearParams,
): void {
  const normed: NdArray = { data: new Float64Array(x.data.length), shape: x.shape }
  const { eps } = params
  norm({ x, residual, weight: scale, z, bias: undefined }, { y: normed, sum }, { eps, center: false })
  productReference({ x: normed, weight, bias, y }, params)
}
