import type { Arrays, NdArray } from '../../operation.ts'
import { productReference } from '../../packed/either.ts'
import { inPlaceReference } from '../step/reference.ts'
import type { SelectiveStepInputs, SelectiveStepOutputs, SelectiveStepParams } from './types.ts'

/** Delta's projection, then the update of the state. */
export function reference(
  { selected, weight, state, x, ...inputs }: Arrays<SelectiveStepInputs>,
  { y }: Arrays<SelectiveStepOutputs>,
  params: SelectiveStepParams,
): void {
  const states = state.shape[2]
  const rank = selected.shape[1] - 2 * states
  const delta: NdArray = { data: new Float64Array(x.data.length), shape: x.shape }
  productReference({ x: columns(selected, 0, rank), weight, y: delta }, params)
  const B = columns(selected, rank, states)
  const C = columns(selected, rank + states, states)
  const step = { ...inputs, state, x, delta, B, C }
  inPlaceReference(step, { y, nextState: undefined }, { deltaSoftplus: true, logDecay: params.logDecay })
}

/** Columns of a matrix, copied together. */
function columns({ data, shape }: NdArray, first: number, count: number): NdArray {
  const [rows, width] = shape as [number, number]
  const values = new Float64Array(rows * count)
  for (let row = 0; row < rows; row++) {
    const start = row * width + first
    values.set(data.subarray(start, start + count), row * count)
  }
  return { data: values, shape: [rows, count] }
}
