import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Tensor } from '../../../tensor/tensor.ts'
import type { Call } from '../../operation.ts'
import type { SelectiveScanBackward } from '../op.ts'
import { CHUNK, isConstant, scanSizes } from '../sizes.ts'
import type { SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams } from '../types.ts'

/**
 * Items for threads to share, if channels allow: more would make more parts of what is summed over channels.
 */
const ITEMS = 16
/** No block of channels is narrower, but the last of a group. */
const MIN_WIDTH = 64

/**
 * How the channels of a group are cut into blocks: by shape alone, so that results do not depend on threads.
 */
function blocking(inputs: SelectiveScanInputs) {
  const { batch, inner, groups } = scanSizes(inputs)
  const perGroup = inner / groups
  const wanted = Math.ceil(ITEMS / (batch * groups))
  const width = 4 * Math.ceil(Math.min(perGroup, Math.max(MIN_WIDTH, perGroup / wanted)) / 4)
  const blocks = Math.ceil(perGroup / width)
  return { blocks, width, items: batch * groups * blocks }
}

/** What both directions are told. */
function common(inputs: SelectiveScanInputs, { deltaSoftplus }: SelectiveScanParams) {
  const { u, delta, A, B, C, D, z, deltaBias, reset } = inputs
  const { length, inner, stateSize, groups } = scanSizes(inputs)
  const { blocks, width } = blocking(inputs)
  return {
    u,
    delta,
    A,
    B,
    C,
    D,
    z,
    deltaBias,
    reset,
    length,
    inner,
    stateSize,
    groups,
    blocks,
    width,
    chunk: CHUNK,
    bStride: isConstant(B) ? 0 : B.rowStride,
    cStride: isConstant(C) ? 0 : C.rowStride,
    zStride: z?.rowStride ?? 0,
    softplus: deltaSoftplus ? 1 : 0,
  }
}

function forward(
  inputs: SelectiveScanInputs,
  outputs: { [K in keyof SelectiveScanOutputs]?: Tensor | undefined },
  params: SelectiveScanParams,
  scratch: Tensor,
): WasmLaunch {
  const { y, finalState, edges } = outputs
  const args = { ...common(inputs, params), initialState: inputs.initialState, y, finalState, edges, scratch }
  return wasmLaunch('selectiveScanForward', args, blocking(inputs).items)
}

const forwardScratch = (inputs: SelectiveScanInputs): number[] => {
  const { width, items } = blocking(inputs)
  return [items, 4 * width * scanSizes(inputs).stateSize + 4 * CHUNK]
}

export function selectiveScan({
  inputs,
  outputs,
  params,
  scratch,
}: Call<SelectiveScanInputs, SelectiveScanOutputs, SelectiveScanParams>): WasmLaunch[] {
  return [forward(inputs, outputs, params, scratch(forwardScratch(inputs)))]
}

export function selectiveScanBackward({
  inputs,
  outputs,
  params,
  scratch,
}: SelectiveScanBackward): WasmLaunch[] {
  const { B, C, dy, dFinalState } = inputs
  const { du, dDelta, dA, dB, dC, dD, dz, dDeltaBias, dInitialState } = outputs
  const { batch, length, inner, stateSize, groups, chunks } = scanSizes(inputs)
  const { blocks, width, items } = blocking(inputs)
  const launches: WasmLaunch[] = []
  let edges = inputs.edges
  if (!edges) {
    edges = scratch([batch, chunks, stateSize, inner])
    launches.push(forward(inputs, { edges }, params, scratch(forwardScratch(inputs))))
  }
  const constant = { B: isConstant(B), C: isConstant(C) }
  const sumsWidth = stateSize + 2 + (constant.B || constant.C ? 2 * stateSize : 0)
  const sums = scratch([batch, inner, sumsWidth])
  const tokens = scratch(constant.B && constant.C ? [1] : [batch, length, groups * blocks, 2 * stateSize])
  const perItem =
    7 * width * stateSize + 2 * width + 4 * (12 * CHUNK + 4 + 4 * CHUNK * Math.ceil(stateSize / 2))
  const args = {
    ...common(inputs, params),
    edges,
    dy,
    dFinalState,
    du,
    dDelta,
    dz,
    dInitialState,
    sums,
    tokens,
    sumsWidth,
    perItem,
    scratch: scratch([items, perItem]),
  }
  launches.push(wasmLaunch('selectiveScanBackward', args, items))
  const channelSum = (out: Tensor | undefined, column: number, count: number): void => {
    if (!out) return
    launches.push(
      wasmLaunch(
        'selectiveScanBackwardChannels',
        { sums, out, batch, inner, sumsWidth, column, count },
        inner,
      ),
    )
  }
  const tokenSum = (out: Tensor, part: number): void => {
    const rows = batch * length * groups
    launches.push(wasmLaunch('selectiveScanBackwardTokens', { tokens, out, stateSize, blocks, part }, rows))
  }
  channelSum(dA, 0, stateSize)
  channelSum(dD, stateSize, 1)
  channelSum(dDeltaBias, stateSize + 1, 1)
  if (constant.B) channelSum(dB, stateSize + 2, stateSize)
  else tokenSum(dB, 0)
  if (constant.C) channelSum(dC, 2 * stateSize + 2, stateSize)
  else tokenSum(dC, 1)
  return launches
}
