import type { Arrays, NdArray } from '../../operation.ts'
import { decayOf, type DecayParams } from './decay.ts'
import type {
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from './types.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const softplus = (x: number): number => (x > 20 ? x : Math.log1p(Math.exp(x)))

export function reference(
  inputs: Arrays<SelectiveStateUpdateInputs>,
  { y, nextState }: Arrays<SelectiveStateUpdateOutputs>,
  params: SelectiveStateUpdateParams,
): void {
  step(inputs, y, nextState!, params)
}

export function inPlaceReference(
  inputs: Arrays<SelectiveStateUpdateInputs>,
  { y }: Arrays<SelectiveStateUpdateOutputs>,
  params: SelectiveStateUpdateParams & DecayParams,
): void {
  step({ ...inputs, A: decayOf(inputs.A, params) }, y, inputs.state, params)
}

function step(
  { state, x, delta, A, B, C, D, z, deltaBias }: Arrays<SelectiveStateUpdateInputs>,
  y: NdArray,
  nextState: NdArray,
  { deltaSoftplus = false }: SelectiveStateUpdateParams,
): void {
  const [batch, inner, states] = state.shape as [number, number, number]
  const groups = B.shape[1] / states
  for (let b = 0; b < batch; b++) {
    for (let e = 0; e < inner; e++) {
      const i = b * inner + e
      const raw = delta.data[i] + (deltaBias ? deltaBias.data[e] : 0)
      const dt = deltaSoftplus ? softplus(raw) : raw
      const row = (b * groups + Math.floor((e * groups) / inner)) * states
      let sum = D ? D.data[e] * x.data[i] : 0
      for (let n = 0; n < states; n++) {
        const h =
          Math.exp(dt * A.data[e * states + n]) * state.data[i * states + n] +
          dt * B.data[row + n] * x.data[i]
        nextState.data[i * states + n] = h
        sum += C.data[row + n] * h
      }
      y.data[i] = z ? sum * z.data[i] * sigmoid(z.data[i]) : sum
    }
  }
}
