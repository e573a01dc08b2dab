import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import type { Activation } from './kinds.ts'
import { backwardReference, reference } from './reference.ts'
import type {
  ActivationInputs,
  ActivationOutputs,
  ActivationBackwardInputs,
  ActivationBackwardOutputs,
  ActivationParams,
} from './types.ts'
import { wasm, wasmBackward } from './wasm/launch.ts'
import { webgpu, webgpuBackward } from './webgpu/launch.ts'

export const activationBackwardOp = defineOperation<
  ActivationBackwardInputs,
  ActivationBackwardOutputs,
  ActivationParams
>({
  name: 'activationBackward',
  outputs: ({ x }) => ({ dx: { shape: x.shape } }),
  reference: backwardReference,
  webgpu: webgpuBackward,
  wasm: wasmBackward,
})

export const activationOp = defineOperation<ActivationInputs, ActivationOutputs, ActivationParams>({
  name: 'activation',
  outputs: ({ x }) => ({ y: { shape: x.shape } }),
  reference,
  webgpu,
  wasm,
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
