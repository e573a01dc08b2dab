import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { Call } from '../../operation.ts'
import { deltaRange, sizesOf, type SsdSizes } from '../shapes.ts'
import type { SsdInputs, SsdOutputs, SsdParams } from '../types.ts'

/** Columns of a head that one item works on: its part of the state stays in the first-level cache. */
export const BLOCK_WIDTH = 32

export interface Prepared {
  readonly launches: WasmLaunch[]
  /** [5, B, H, L], see ssdDecays. */
  readonly decays: Tensor
  /** [B, chunks, G, Q, Q] */
  readonly scores: Tensor
}

/** Decays and C Bᵀ. */
export function prepare(
  { delta, A, B, C, deltaBias, reset }: SsdInputs,
  params: SsdParams,
  sizes: SsdSizes,
  scratch: Call<object, object, object>['scratch'],
): Prepared {
  const { batch, length, heads, groups, stateSize, chunk, chunks } = sizes
  const decays = scratch([5, batch, heads, length])
  const scores = scratch([batch, chunks, groups, chunk, chunk])
  const deltaArgs = {
    deltaStride: delta.rowStride,
    deltaSoftplus: Number(params.deltaSoftplus),
    ...deltaRange(params),
  }
  const strides = { bStride: B.rowStride, cStride: C.rowStride }
  return {
    launches: [
      wasmLaunch(
        'ssdDecays',
        { delta, deltaBias, A, reset, decays, batch, length, heads, chunk, ...deltaArgs },
        batch * chunks * heads,
      ),
      wasmLaunch(
        'ssdScores',
        { B, C, scores, length, groups, stateSize, chunk, ...strides },
        batch * chunks * groups,
      ),
    ],
    decays,
    scores,
  }
}

/** y and finalState, from what is prepared. */
export function forward(
  { x, A, B, C, D, z, initialState }: SsdInputs,
  { y, finalState }: SsdOutputs,
  { decays, scores }: Prepared,
  sizes: SsdSizes,
  scratch: Call<object, object, object>['scratch'],
): WasmLaunch {
  const { chunks: _, ...own } = sizes
  const items = sizes.batch * sizes.heads * Math.ceil(sizes.headDim / BLOCK_WIDTH)
  const rows = scratch([items, 5, sizes.chunk])
  const strides = {
    xStride: x.rowStride,
    bStride: B.rowStride,
    cStride: C.rowStride,
    zStride: z?.rowStride ?? 0,
  }
  const options = { blockWidth: BLOCK_WIDTH, channelD: Number(D !== undefined && D.size !== A.size) }
  const tensors = { x, B, C, D, z, initialState, decays, scores, rows, y, finalState }
  return wasmLaunch('ssdForward', { ...tensors, ...own, ...options, ...strides }, items)
}

export function ssd({
  inputs,
  outputs,
  params,
  scratch,
  device,
}: Call<SsdInputs, SsdOutputs, SsdParams>): WasmLaunch[] {
  const sizes = sizesOf(inputs, params, device)
  const prepared = prepare(inputs, params, sizes, scratch)
  return [...prepared.launches, forward(inputs, outputs, prepared, sizes, scratch)]
}
