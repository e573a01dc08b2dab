import type { WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Shape } from '../../../tensor/shape.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import { wasm as activation } from '../../activation/wasm/launch.ts'
import { scale } from '../../elementwise/wasm/launch.ts'
import type { Call, NdArray } from '../../operation.ts'

/** Whether A comes as it is trained, A_log: it is then -exp(A_log). Kernels save two launches a layer and token by it. */
export type DecayParams = { readonly logDecay?: boolean | undefined }

/** Only a step in place, which has no gradients, takes A as a logarithm. */
export type StepOptions<P> =
  | (P & { readonly inPlace?: false | undefined })
  | (P & DecayParams & { readonly inPlace: true })

type Step = { readonly A: Tensor }

/** The launches of a step, after those that make A, if it comes as a logarithm. */
export function withDecay<I extends Step, O extends object, P extends object>(
  step: (call: Call<I, O, P>) => readonly WasmLaunch[],
): (call: Call<I, O, P & DecayParams>) => readonly WasmLaunch[] {
  return (call) => (call.params.logDecay ? afterDecay(step, call) : step(call))
}

function afterDecay<I extends Step, O extends object, P extends object>(
  step: (call: Call<I, O, P>) => readonly WasmLaunch[],
  call: Call<I, O, P & DecayParams>,
): WasmLaunch[] {
  const { device, scratch } = call
  const shape: Shape = call.inputs.A.shape
  const [power, A] = [scratch(shape), scratch(shape)]
  const shared = { device, scratch }
  return [
    ...activation({
      ...shared,
      inputs: { x: call.inputs.A },
      outputs: { y: power },
      params: { kind: 'exp' },
    }),
    ...scale({ ...shared, inputs: { x: power }, outputs: { y: A }, params: { factor: -1, shift: 0 } }),
    ...step({ ...call, inputs: { ...call.inputs, A } }),
  ]
}

/** A itself, as float64. */
export function decayOf(A: NdArray, { logDecay }: DecayParams): NdArray {
  return logDecay ? { ...A, data: A.data.map((a) => -Math.exp(a)) } : A
}
