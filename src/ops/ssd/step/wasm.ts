import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { dims } from '../../../tensor/shape.ts'
import { kernelFor, type Kernel } from '../../kernels/kernels.ts'
import type { Call } from '../../operation.ts'
import type { DecayParams } from '../../scan/step/types.ts'
import { deltaRange } from '../shapes.ts'
import type { SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams } from './types.ts'

/** Rows of the state that one item works on. */
const BLOCK_WIDTH = 16

/** In place where there is no next state. */
export function ssdStateUpdate({
  inputs: { state, x, delta, A, B, C, D, z, deltaBias },
  outputs: { y, nextState },
  params,
}: Call<SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams>): WasmLaunch[] {
  const [batch, heads, headDim, stateSize] = dims(state, 4)
  const tensors = { state, x, delta, A, B, C, D, z, deltaBias, y, next: nextState ?? state }
  const args = {
    ...tensors,
    heads,
    headDim,
    groups: params.groups,
    stateSize,
    blockWidth: BLOCK_WIDTH,
    channelD: Number(D !== undefined && D.size !== A.size),
    deltaSoftplus: Number(params.deltaSoftplus),
    ...deltaRange(params),
    xStride: x.rowStride,
    deltaStride: delta.rowStride,
    bStride: B.rowStride,
    cStride: C.rowStride,
    zStride: z?.rowStride ?? 0,
  }
  return [wasmLaunch('ssdStateUpdate', args, batch * heads * Math.ceil(headDim / BLOCK_WIDTH))]
}

/** The kernel takes A itself, not its logarithm. */
export const ssdStateUpdateInPlace: Kernel<
  SsdStateUpdateInputs,
  SsdStateUpdateOutputs,
  SsdStateUpdateParams & DecayParams,
  WasmLaunch
> = kernelFor((_, { logDecay }: SsdStateUpdateParams & DecayParams) => !logDecay, ssdStateUpdate)
