import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { dims } from '../../../tensor/shape.ts'
import type { Call } from '../../operation.ts'
import { passesOf } from '../passes.ts'
import type {
  BroadcastInputs,
  BroadcastOutputs,
  BroadcastParams,
  MaxBackwardInputs,
  MaxBackwardOutputs,
  ReduceInputs,
  ReduceOutputs,
  SumParams,
} from '../types.ts'

/** Values that one item reduces at most: along a contiguous run, and down a block of columns. */
const RUN = 16_384
const COLUMN_RUN = 256
/** Columns of one item. */
const BLOCK = 512

export function sum(call: Call<ReduceInputs, ReduceOutputs, SumParams>): WasmLaunch[] {
  return reduce(call, call.params.factor, 0)
}

export function max(call: Call<ReduceInputs, ReduceOutputs, object>): WasmLaunch[] {
  return reduce(call, 1, 1)
}

function reduce(call: Call<ReduceInputs, ReduceOutputs, object>, scale: number, most: number): WasmLaunch[] {
  const { x } = call.inputs
  const inner = x.shape[2]
  const passes = passesOf(x, call.outputs.y, inner === 1 ? RUN : COLUMN_RUN, call.scratch)
  return passes.map((pass) => {
    const shared = { x: pass.x, y: pass.y, n: pass.n, slices: pass.slices, slice: pass.slice, most }
    const args = { ...shared, factor: pass.last ? scale : 1 }
    const parts = pass.outer * pass.slices
    return inner === 1
      ? wasmLaunch('reduceRuns', args, parts)
      : wasmLaunch('reduceColumns', { ...args, inner, block: BLOCK }, parts * Math.ceil(inner / BLOCK))
  })
}

export function broadcast({
  inputs: { x },
  outputs: { y },
  params: { n, factor },
}: Call<BroadcastInputs, BroadcastOutputs, BroadcastParams>): WasmLaunch[] {
  const [outer, inner] = dims(x, 2)
  const kernel = inner === 1 ? 'reduceSpread' : 'reduceRepeat'
  return [wasmLaunch(kernel, { x, y, n, inner, factor }, inner === 1 ? outer : outer * n)]
}

export function maxBackward({
  inputs: { x, y, dy },
  outputs: { dx },
}: Call<MaxBackwardInputs, MaxBackwardOutputs, object>): WasmLaunch[] {
  return [wasmLaunch('reduceMaxBackward', { x, y, dy, dx, n: x.shape[1], inner: x.shape[2] }, y.size)]
}
