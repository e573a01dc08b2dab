import { FUNCTIONS } from '../activation/reference.ts'
import type { Arrays, NdArray } from '../operation.ts'
import { unpackRows, type PackedFormat } from './format.ts'
import type {
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams,
  PackedLinearInputs,
  PackedLinearOutputs,
  PackedLinearParams,
} from './types.ts'

/** W [N, K]; d q has few enough bits to be exact in float32. */
function weights(words: NdArray, format: PackedFormat, N: number, K: number): Float32Array {
  return unpackRows(format, Uint32Array.from(words.data), N, K)
}

/** y[m, n] = f(Σₖ x[m, k] W[n, k] + bias[n]) + residual[m, n] */
export function packedLinear(
  { x, words, bias, residual }: Arrays<PackedLinearInputs>,
  { y }: Arrays<PackedLinearOutputs>,
  { format, rows: N, activation }: PackedLinearParams,
): void {
  const K = x.shape.at(-1)!
  const W = weights(words, format, N, K)
  const activate = FUNCTIONS[activation]
  for (let i = 0; i < y.data.length; i++) {
    const [m, n] = [Math.floor(i / N), i % N]
    let sum = bias?.data[n] ?? 0
    for (let k = 0; k < K; k++) sum += x.data[m * K + k] * W[n * K + k]
    y.data[i] = activate.f(sum) + (residual?.data[i] ?? 0)
  }
}

/** y[t, k] = W[tokens[t], k], of the nearest row if there is none such */
export function packedEmbedding(
  { tokens, words }: Arrays<PackedEmbeddingInputs>,
  { y }: Arrays<PackedEmbeddingOutputs>,
  { format, rows: N, columns: K }: PackedEmbeddingParams,
): void {
  const W = weights(words, format, N, K)
  for (let t = 0; t < tokens.data.length; t++) {
    const row = Math.min(Math.max(tokens.data[t], 0), N - 1)
    for (let k = 0; k < K; k++) y.data[t * K + k] = W[row * K + k]
  }
}
