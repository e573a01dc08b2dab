import { DTYPES } from '../../devices/dtype.ts'
import { defineOperation } from '../operation.ts'
import type { CopyInputs, CopyOutputs } from './types.ts'

/** Brings the rows of a strided view together. Called through `contiguous`. */
export const copyOp = defineOperation<CopyInputs, CopyOutputs, object>({
  name: 'copy',
  dtypes: DTYPES,
  outputs: ({ x }) => ({ y: { shape: x.shape, dtype: x.dtype } }),
  views: ['x'],
  gradient: ({ grads }) => ({ x: grads.y }),
})
