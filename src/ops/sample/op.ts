import { dims, expectShape } from '../../tensor/shape.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { apply } from '../apply.ts'
import { defineOperation } from '../operation.ts'
import type { SampleInputs, SampleOutputs } from './types.ts'

export const sampleOp = defineOperation<SampleInputs, SampleOutputs, object>({
  name: 'sample',
  dtypes: { seen: 'i32' },
  outputs({ logits, uniform, settings, seen }) {
    const [B, V] = dims(logits, 2, 'sample: logits')
    expectShape('sample: uniform', uniform.shape, [B])
    expectShape('sample: settings', settings.shape, [8])
    if (seen) expectShape('sample: seen', seen.shape, [B, V])
    return { tokens: { shape: [B], dtype: 'i32' } }
  },
  views: ['logits'],
})

/**
 * One token for each row of logits. In this order:
 *
 * 1. repetition penalty (Keskar et al. 2019): logits of tokens with seen > 0 are divided by it if positive,
 *   else multiplied
 * 2. temperature: logits are divided by it; 0 takes the largest logit, the first of equals, and ends here
 * 3. topK: only the k largest, and what equals the k-th; 0 for all
 * 4. softmax
 * 5. topP (Holtzman et al. 2020): only the fewest most probable tokens that together reach topP, and what
 *    equals the last of them; 1 for all
 * 6. minP: only tokens with at least minP times the largest probability; 0 for all
 * 7. the first token, in the order of ids, at which the running sum of what is left exceeds `uniform` of it
 *
 * A logit of -Infinity is never drawn. A row with NaN or +Infinity, or with nothing but -Infinity, gives -1:
 * no token can stand for it. A row of nothing but zeros, which few sound models give, is -2 (unless it is one
 * zero).
 */
export function sample(inputs: SampleInputs): Tensor {
  return apply(sampleOp, inputs, {}).tokens
}
