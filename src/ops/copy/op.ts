import { defineOperation } from '../operation.ts'
import { reference } from './reference.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'
import { wasm } from './wasm.ts'
import { webgpu } from './webgpu.ts'

/** Brings the rows of a strided view together. Called through `contiguous`. */
export const copyOp = defineOperation<CopyInputs, CopyOutputs, object>({
  name: 'copy',
  outputs: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  views: ['x'],
  reference,
  webgpu,
  wasm,
  gradient: ({ grads }) => ({ x: grads.y }),
})
