import { dims } from '../../tensor/shape.ts'
import type { Arrays } from '../operation.ts'
import type { CrossEntropyBackward } from './op.ts'
import type { CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams } from './types.ts'

/** loss = (1 / count) Σ_t logSumExp[t] - logits[t, labels[t]], over the t that count */
export function crossEntropy(
  { logits, labels }: Arrays<CrossEntropyInputs>,
  { loss, count, logSumExp }: Arrays<CrossEntropyOutputs>,
  { ignoreIndex }: CrossEntropyParams,
): void {
  const [T, V] = dims(logits, 2)
  for (let t = 0; t < T; t++) {
    if (labels.data[t] === ignoreIndex) continue
    const row = logits.data.subarray(t * V, (t + 1) * V)
    let largest = Number.NEGATIVE_INFINITY
    for (let v = 0; v < V; v++) largest = Math.max(largest, row[v])
    let sum = 0
    for (let v = 0; v < V; v++) sum += Math.exp(row[v] - largest)
    const known = labels.data[t] >= 0 && labels.data[t] < V
    logSumExp.data[t] = known ? largest + Math.log(sum) : Number.NaN
    loss.data[0] += known ? logSumExp.data[t] - row[labels.data[t]] : Number.NaN
    count.data[0] += 1
  }
  if (count.data[0] > 0) loss.data[0] /= count.data[0]
}

/**
 * dLogits[t, v] = softmax(logits[t])[v] (dLoss / count + dLogSumExp[t]) - [v = labels[t]] dLoss / count,
 * 0 where the label does not count.
 */
export function crossEntropyBackward(
  { logits, labels, logSumExp, count, dLoss, dLogSumExp }: Arrays<CrossEntropyBackward['inputs']>,
  { dLogits }: Arrays<CrossEntropyBackward['outputs']>,
  { ignoreIndex }: CrossEntropyBackward['params'],
): void {
  const [T, V] = dims(logits, 2)
  const share = (dLoss?.data[0] ?? 0) / Math.max(count.data[0], 1)
  for (let t = 0; t < T; t++) {
    const counts = labels.data[t] !== ignoreIndex
    const scale = share + (dLogSumExp?.data[t] ?? 0)
    for (let v = 0; v < V; v++) {
      const probability = counts ? Math.exp(logits.data[t * V + v] - logSumExp.data[t]) : 0
      dLogits.data[t * V + v] = counts ? probability * scale : 0
    }
    if (counts && labels.data[t] >= 0 && labels.data[t] < V) dLogits.data[t * V + labels.data[t]] -= share
  }
}
