import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Call } from '../operation.ts'
import type { CrossEntropyBackward, CrossEntropyBackwardInPlace } from './op.ts'
import type { CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams } from './types.ts'

export function crossEntropy({
  inputs: { logits, labels },
  outputs: { loss, count, logSumExp },
  params: { ignoreIndex },
  scratch,
}: Call<CrossEntropyInputs, CrossEntropyOutputs, CrossEntropyParams>): WasmLaunch[] {
  const T = labels.size
  const losses = scratch([T])
  const rows = {
    logits,
    labels,
    logSumExp,
    losses,
    V: logits.width,
    logitsStride: logits.rowStride,
    ignoreIndex,
  }
  return [
    wasmLaunch('crossEntropyRows', rows, T),
    wasmLaunch('crossEntropyMean', { losses, labels, loss, count, T, ignoreIndex }, 1),
  ]
}

export function crossEntropyBackward({
  inputs,
  outputs: { dLogits },
  params,
}: CrossEntropyBackward): WasmLaunch[] {
  return backward(inputs, dLogits, params)
}

export function crossEntropyBackwardInPlace({ inputs, params }: CrossEntropyBackwardInPlace): WasmLaunch[] {
  return backward(inputs, inputs.logits, params)
}

function backward(
  { logits, labels, logSumExp, count, dLoss, dLogSumExp }: CrossEntropyBackward['inputs'],
  dLogits: Tensor,
  { ignoreIndex }: CrossEntropyBackward['params'],
): WasmLaunch[] {
  const tensors = { logits, labels, logSumExp, count, dLoss, dLogSumExp, dLogits }
  const numbers = { V: logits.width, logitsStride: logits.rowStride, ignoreIndex }
  return [wasmLaunch('crossEntropyBackward', { ...tensors, ...numbers }, labels.size)]
}
