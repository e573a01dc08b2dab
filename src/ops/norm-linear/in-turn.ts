import type { NormInputs, NormOutputs, NormParams } from '../norm/types.ts'
import type { Call } from '../operation.ts'
import { product, type Products } from '../packed/either.ts'
import type { NormLinearInputs, NormLinearOutputs, NormLinearParams } from './types.ts'

/** The norm, then the product, by the kernels that a device has for them. */
export function inTurn<Launch>(
  call: Call<NormLinearInputs, NormLinearOutputs, NormLinearParams>,
  norm: (call: Call<NormInputs, NormOutputs, NormParams>) => readonly Launch[],
  products: Products<Launch>,
): Launch[] {
  const { x, residual, z, scale, weight, bias } = call.inputs
  const { y, sum } = call.outputs
  const normed = call.scratch(x.shape)
  return [
    ...norm({
      ...call,
      inputs: { x, residual, weight: scale, z },
      outputs: { y: normed, sum },
      params: { eps: call.params.eps, center: false },
    }),
    ...product(products, call, { x: normed, weight, bias, y }, call.params),
  ]
}
