import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineBackward, withBackward } from '../backward.ts'
import { defineOperation, type CallOf } from '../operation.ts'
import type { Activation } from './kinds.ts'
import type { ActivationInputs, ActivationOutputs, ActivationParams } from './types.ts'

const forward = defineOperation<ActivationInputs, ActivationOutputs, ActivationParams>({
  name: 'activation',
  outputs: ({ x }) => ({ y: { shape: x.shape } }),
})

export const activationBackwardOp = defineBackward(forward, { of: ['x'], needs: ['y'] })
export type ActivationBackward = CallOf<typeof activationBackwardOp>

export const activationOp = withBackward(forward, activationBackwardOp)

/** y = f(x), element by element. `softplus` is linear above 20, as torch's; `gelu` is the exact one (erf). */
export function activation(x: Tensor, kind: Activation): Tensor {
  return apply(activationOp, { x }, { kind }).y
}

/** x σ(x), element by element. */
export const silu = (x: Tensor): Tensor => activation(x, 'silu')
/** σ(x) = 1 / (1 + e^-x), element by element. */
export const sigmoid = (x: Tensor): Tensor => activation(x, 'sigmoid')
/** ln(1 + e^x), element by element; x itself beyond 20. */
export const softplus = (x: Tensor): Tensor => activation(x, 'softplus')
/** e^x, element by element. */
export const exp = (x: Tensor): Tensor => activation(x, 'exp')
