import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { sumBlocks } from '../../norm/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import { dtRange, sizesOf } from '../shapes.ts'
import { BLOCK_WIDTH, forward, prepare } from './forward.ts'
import type { SsdBackwardInputs, SsdBackwardOutputs, SsdParams } from '../types.ts'

export function ssdBackward({
  inputs,
  outputs,
  params,
  scratch,
  device,
}: Call<SsdBackwardInputs, SsdBackwardOutputs, SsdParams>): WasmLaunch[] {
  const { x, dt, A, B, C, D, z, dtBias, initialState, dfinalState } = inputs
  const { dx, ddt, dA, dB, dC, dD, dz, ddtBias, dinitialState } = outputs
  const sizes = sizesOf(inputs, params, device)
  const { chunks, ...own } = sizes
  const { batch, heads, headWidth, groups, state, chunk } = sizes
  const prepared = prepare(inputs, params, sizes, scratch)
  const { launches, decays, scores } = prepared

  let { dy } = inputs
  if (z) {
    const y = scratch(x.shape)
    const finalState = scratch([batch, heads, headWidth, state])
    const args = { v: y, z, dy, dz, width: x.width, zStride: z.rowStride }
    launches.push(
      forward({ ...inputs, z: undefined }, { y, finalState }, prepared, sizes, scratch),
      wasmLaunch('ssdGateBackward', args, x.rows),
    )
    dy = y
  }

  const states = scratch([batch, chunks + 1, heads, headWidth, state])
  const dstates = scratch([batch, chunks, heads, headWidth, state])
  const blockWidth = BLOCK_WIDTH
  const items = batch * heads * Math.ceil(headWidth / blockWidth)
  const strides = {
    xStride: x.rowStride,
    dtStride: dt.rowStride,
    bStride: B.rowStride,
    cStride: C.rowStride,
  }
  const { xStride, bStride, cStride } = strides
  const work = scratch([batch * chunks * groups, 3 * chunk * chunk + 2 * chunk + chunk * state])
  const blocks = batch * chunks
  const dABlocks = scratch([blocks, heads])
  const ddtBiasBlocks = ddtBias && scratch([blocks, heads])
  const dDBlocks = dD && scratch([blocks, dD.size])
  const read = { x, dt, A, B, C, D, dtBias, decays, scores, states, dstates, dy, work }
  const written = { dx, ddt, dB, dC, dABlocks, ddtBiasBlocks, dDBlocks }
  launches.push(
    wasmLaunch(
      'ssdStates',
      { x, B, initialState, decays, states, ...own, blockWidth, xStride, bStride },
      items,
    ),
    wasmLaunch(
      'ssdStateGradients',
      { dy, C, dfinalState, decays, dstates, dinitialState, ...own, blockWidth, cStride },
      items,
    ),
    wasmLaunch(
      'ssdBackward',
      {
        ...read,
        ...written,
        ...own,
        channelD: Number(D !== undefined && D.size !== A.size),
        dtSoftplus: Number(params.dtSoftplus),
        ...dtRange(params),
        ...strides,
      },
      blocks * groups,
    ),
    sumBlocks(dABlocks, dA, blocks),
  )
  if (ddtBias) launches.push(sumBlocks(ddtBiasBlocks!, ddtBias, blocks))
  if (dD) launches.push(sumBlocks(dDBlocks!, dD, blocks))
  return launches
}
