import type { Tensor } from '../../../tensor/tensor.ts'
import type { Call } from '../../operation.ts'
import { product, type Products } from '../../packed/either.ts'
import type { DecayParams } from '../step/decay.ts'
import type {
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from '../step/types.ts'
import type { SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams } from './types.ts'

type Update = Call<
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams & DecayParams
>

/** Delta's projection, then the update of the state, by the kernels that a device has for them. */
export function inTurn<Launch>(
  call: Call<SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams>,
  update: (call: Update) => readonly Launch[],
  products: Products<Launch>,
): Launch[] {
  const { selected, weight, ...inputs } = call.inputs
  const [batch, , states] = inputs.state.shape as [number, number, number]
  const rank = selected.width - 2 * states
  const part = (first: number, count: number): Tensor =>
    selected.view([batch, count], selected.offset + first, selected.rowStride)
  const delta = call.scratch(inputs.x.shape)
  return [
    ...product(products, call, { x: part(0, rank), weight, y: delta }, call.params),
    ...update({
      ...call,
      inputs: { ...inputs, delta, B: part(rank, states), C: part(rank + states, states) },
      params: { deltaSoftplus: true, logDecay: call.params.logDecay },
    }),
  ]
}
