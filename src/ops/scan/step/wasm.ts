import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { dims } from '../../../tensor/shape.ts'
import { kernelFor, type Kernel } from '../../kernels/kernels.ts'
import type { Call } from '../../operation.ts'
import type {
  DecayParams,
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams,
} from './types.ts'

/** In place where there is no next state. */
export function selectiveStateUpdate({
  inputs: { state, x, delta, A, B, C, D, z, deltaBias },
  outputs: { y, nextState },
  params: { deltaSoftplus },
}: Call<SelectiveStateUpdateInputs, SelectiveStateUpdateOutputs, SelectiveStateUpdateParams>): WasmLaunch[] {
  const [, inner, stateSize] = dims(state, 3)
  const args = {
    state,
    x,
    delta,
    A,
    B,
    C,
    D,
    z,
    deltaBias,
    y,
    next: nextState ?? state,
    inner,
    stateSize,
    groups: B.width / stateSize,
    bStride: B.rowStride,
    cStride: C.rowStride,
    zStride: z?.rowStride ?? 0,
    softplus: deltaSoftplus ? 1 : 0,
  }
  return [wasmLaunch('selectiveStateUpdate', args, x.rows * Math.ceil(inner / 4))]
}

/** The kernel takes A itself, not its logarithm. */
export const selectiveStateUpdateInPlace: Kernel<
  SelectiveStateUpdateInputs,
  SelectiveStateUpdateOutputs,
  SelectiveStateUpdateParams & DecayParams,
  WasmLaunch
> = kernelFor((_, { logDecay }: SelectiveStateUpdateParams & DecayParams) => !logDecay, selectiveStateUpdate)
