import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { kernelFor, type Kernel } from '../../kernels.ts'
import type { Call } from '../../operation.ts'
import { dtRange } from '../shapes.ts'
import type { DecayParams } from '../../scan/step/types.ts'
import type { SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams } from './types.ts'

/** Rows of the state that one item works on. */
const BLOCK_WIDTH = 16

/** In place where there is no next state. */
export function ssdStateUpdate({
  inputs: { state, x, dt, A, B, C, D, z, dtBias },
  outputs: { y, nextState },
  params,
}: Call<SsdStateUpdateInputs, SsdStateUpdateOutputs, SsdStateUpdateParams>): WasmLaunch[] {
  const [batch, heads, headWidth, states] = state.shape as [number, number, number, number]
  const tensors = { state, x, dt, A, B, C, D, z, dtBias, y, next: nextState ?? state }
  const args = {
    ...tensors,
    heads,
    headWidth,
    groups: params.groups,
    states,
    blockWidth: BLOCK_WIDTH,
    channelD: Number(D !== undefined && D.size !== A.size),
    dtSoftplus: Number(params.dtSoftplus),
    ...dtRange(params),
    xStride: x.rowStride,
    dtStride: dt.rowStride,
    bStride: B.rowStride,
    cStride: C.rowStride,
    zStride: z?.rowStride ?? 0,
  }
  return [wasmLaunch('ssdStateUpdate', args, batch * heads * Math.ceil(headWidth / BLOCK_WIDTH))]
}

/** The kernel takes A itself, not its logarithm. */
export const ssdStateUpdateInPlace: Kernel<
  SsdStateUpdateInputs,
  SsdStateUpdateOutputs,
  SsdStateUpdateParams & DecayParams,
  WasmLaunch
> = kernelFor((_, { logDecay }: SsdStateUpdateParams & DecayParams) => !logDecay, ssdStateUpdate)
