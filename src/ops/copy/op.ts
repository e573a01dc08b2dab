import { DTYPES } from '../../devices/dtype.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { defineOperation } from '../operation.ts'
import { reference } from './reference.ts'
import { wasm } from './wasm.ts'
import { webgpu } from './webgpu.ts'

/** x [..., W], rows any stride apart; of any dtype */
export type CopyInputs = { readonly x: Tensor }
/** y [..., W], contiguous */
export type CopyOutputs = { readonly y: Tensor }

/** Brings the rows of a strided view together. Called through `contiguous`. */
export const copyOp = defineOperation<CopyInputs, CopyOutputs, object>({
  name: 'copy',
  dtypes: DTYPES,
  outputs: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  views: ['x'],
  reference,
  webgpu,
  wasm,
  gradient: ({ grads }) => ({ x: grads.y }),
})
