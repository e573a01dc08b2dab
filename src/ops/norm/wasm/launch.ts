import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import type { NormBackward } from '../op.ts'
import type { NormInputs, NormOutputs, NormParams } from '../types.ts'

export function norm({ inputs, outputs, params }: Call<NormInputs, NormOutputs, NormParams>): WasmLaunch[] {
  const { x, residual, weight, bias, z } = inputs
  const { y, sum } = outputs
  const args = { x, residual, weight, bias, z, y, sum, ...dimensions(x, z, params) }
  return [wasmLaunch('normForward', args, x.rows)]
}

/** Row blocks: enough for the threads there may be, and their partial sums stay small. */
const MOST_BLOCKS = 64
const LEAST_ROWS = 8

export function normBackward({ inputs, outputs, params, scratch }: NormBackward): WasmLaunch[] {
  const { x, weight, bias, z, dy, dSum } = inputs
  const { dx, dz, dWeight, dBias } = outputs
  const { rows, width } = x
  const blockRows = Math.max(LEAST_ROWS, Math.ceil(rows / MOST_BLOCKS))
  const blocks = Math.ceil(rows / blockRows)
  const dWeightBlocks = dWeight && scratch([blocks, width])
  const dBiasBlocks = dBias && scratch([blocks, width])
  const args = { x, weight, bias, z, dy, dSum, dx, dz, dWeightBlocks, dBiasBlocks, rows, blockRows }
  const launches = [wasmLaunch('normBackward', { ...args, ...dimensions(x, z, params) }, blocks)]
  if (dWeight) launches.push(sumBlocks(dWeightBlocks!, dWeight, blocks))
  if (dBias) launches.push(sumBlocks(dBiasBlocks!, dBias, blocks))
  return launches
}

/** y [...] = the sum of the blocks of x [blocks, ...], in their order. */
export function sumBlocks(x: NormInputs['x'], y: NormInputs['x'], blocks: number): WasmLaunch {
  return wasmLaunch('normSumBlocks', { x, y, blocks, width: y.size }, Math.ceil(y.size / 16))
}

function dimensions(x: NormInputs['x'], z: NormInputs['z'], params: NormParams) {
  return {
    width: x.width,
    groupSize: params.groupSize ?? x.width,
    xStride: x.rowStride,
    zStride: z?.rowStride ?? 0,
    eps: params.eps,
    center: Number(params.center),
    normBeforeGate: Number(params.normBeforeGate ?? false),
  }
}
