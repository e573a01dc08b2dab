import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import type { Activation } from './kinds.ts'
import type {
  ActivationInputs,
  ActivationOutputs,
  ActivationBackwardInputs,
  ActivationBackwardOutputs,
  ActivationParams,
} from './types.ts'

export const activationBackwardOp = defineOperation<
  ActivationBackwardInputs,
  ActivationBackwardOutputs,
  ActivationParams
>({
  name: 'activationBackward',
  outputs: ({ x }) => ({ dx: { shape: x.shape } }),
})

export const activationOp = defineOperation<ActivationInputs, ActivationOutputs, ActivationParams>({
  name: 'activation',
  outputs: ({ x }) => ({ y: { shape: x.shape } }),
  saved: ['x'],
  gradient: ({ inputs: { x }, grads, params }) => ({
    x: apply(activationBackwardOp, { x, dy: grads.y! }, params).dx,
  }),
})

/** y = f(x), element by element. `softplus` is linear above 20, as torch's; `gelu` is the exact one (erf). */
export function activation(x: Tensor, kind: Activation): Tensor {
  return apply(activationOp, { x }, { kind }).y
}

export const silu = (x: Tensor): Tensor => activation(x, 'silu')
export const sigmoid = (x: Tensor): Tensor => activation(x, 'sigmoid')
export const softplus = (x: Tensor): Tensor => activation(x, 'softplus')
export const exp = (x: Tensor): Tensor => activation(x, 'exp')
