import { attention, concat, reshape, slice } from '../ops/index.ts'
import { sizeOf } from '../tensor/shape.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'

/**
 * The weights of causal attention: softmax(scale q kᵀ), [B, H, L, S], 0 for keys that a query does not see.
 * The kernel of `attention` never has them all in memory. Where its values are rows of the identity matrix,
 * its outputs are the weights, for as many keys at a time as a head is wide.
 */
export function attentionPattern(
  inputs: Parameters<typeof attention>[0],
  options: { readonly heads: number; readonly kvHeads: number },
): Tensor {
  const { q, k } = inputs
  const { heads, kvHeads } = options
  const [batch, length, width] = q.shape as [number, number, number]
  const keys = k.shape[1]
  const headDim = width / heads
  const parts: Tensor[] = []
  for (let first = 0; first < keys; first += headDim) {
    parts.push(attention({ ...inputs, v: unitValues(k, kvHeads, first) }, options))
  }
  const rows = Array.from({ length: heads }, (_, head) => {
    const ofHead = concat(parts.map((part) => slice(part, 2, head * headDim, (head + 1) * headDim)))
    return reshape(slice(ofHead, 2, 0, keys), [batch, length * keys])
  })
  return reshape(concat(rows), [batch, heads, length, keys])
}

/** Values [B, S, Hkv*P] that are 1 in column `i` of each head for key `first + i`, and 0 elsewhere. */
function unitValues({ device, shape }: Tensor, kvHeads: number, first: number): Tensor {
  const [batch, keys, width] = shape as [number, number, number]
  const headDim = width / kvHeads
  const values = new Float32Array(sizeOf(shape))
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < headDim && first + i < keys; i++) {
      for (let head = 0; head < kvHeads; head++) {
        values[(b * keys + first + i) * width + head * headDim + i] = 1
      }
    }
  }
  return tensor(device, values, shape)
}
