import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { sumBlocks } from '../../norm/wasm/launch.ts'
import type { SsdBackward } from '../op.ts'
import { deltaRange, sizesOf } from '../shapes.ts'
import { BLOCK_WIDTH, forward, prepare } from './forward.ts'

export function ssdBackward({ inputs, outputs, params, scratch, device }: SsdBackward): WasmLaunch[] {
  const { x, delta, A, B, C, D, z, deltaBias, initialState, dFinalState } = inputs
  const { dx, dDelta, dA, dB, dC, dD, dz, dDeltaBias, dInitialState } = outputs
  const sizes = sizesOf(inputs, params, device)
  const { chunks, ...own } = sizes
  const { batch, heads, headDim, groups, stateSize, chunk } = sizes
  const prepared = prepare(inputs, params, sizes, scratch)
  const { launches, decays, scores } = prepared

  let { dy } = inputs
  if (z) {
    const y = scratch(x.shape)
    const finalState = scratch([batch, heads, headDim, stateSize])
    const args = { v: y, z, dy, dz, width: x.width, zStride: z.rowStride }
    launches.push(
      forward({ ...inputs, z: undefined }, { y, finalState }, prepared, sizes, scratch),
      wasmLaunch('ssdGateBackward', args, x.rows),
    )
    dy = y
  }

  const states = scratch([batch, chunks + 1, heads, headDim, stateSize])
  const dstates = scratch([batch, chunks, heads, headDim, stateSize])
  const blockWidth = BLOCK_WIDTH
  const items = batch * heads * Math.ceil(headDim / blockWidth)
  const strides = {
    xStride: x.rowStride,
    deltaStride: delta.rowStride,
    bStride: B.rowStride,
    cStride: C.rowStride,
  }
  const { xStride, bStride, cStride } = strides
  const work = scratch([batch * chunks * groups, 3 * chunk * chunk + 2 * chunk + chunk * stateSize])
  const blocks = batch * chunks
  const dABlocks = scratch([blocks, heads])
  const dDeltaBiasBlocks = dDeltaBias && scratch([blocks, heads])
  const dDBlocks = dD && scratch([blocks, dD.size])
  const read = { x, delta, A, B, C, D, deltaBias, decays, scores, states, dstates, dy, work }
  const written = { dx, dDelta, dB, dC, dABlocks, dDeltaBiasBlocks, dDBlocks }
  launches.push(
    wasmLaunch(
      'ssdStates',
      { x, B, initialState, decays, states, ...own, blockWidth, xStride, bStride },
      items,
    ),
    wasmLaunch(
      'ssdStateGradients',
      { dy, C, dFinalState, decays, dstates, dInitialState, ...own, blockWidth, cStride },
      items,
    ),
    wasmLaunch(
      'ssdBackward',
      {
        ...read,
        ...written,
        ...own,
        channelD: Number(D !== undefined && D.size !== A.size),
        deltaSoftplus: Number(params.deltaSoftplus),
        ...deltaRange(params),
        ...strides,
      },
      blocks * groups,
    ),
    sumBlocks(dABlocks, dA, blocks),
  )
  if (dDeltaBias) launches.push(sumBlocks(dDeltaBiasBlocks!, dDeltaBias, blocks))
  if (dD) launches.push(sumBlocks(dDBlocks!, dD, blocks))
  return launches
}
