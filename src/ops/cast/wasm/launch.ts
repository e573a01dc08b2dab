import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import type { CastInputs, CastOutputs, CastParams } from '../types.ts'

/** Columns that a thread casts at a time. */
const PIECE = 4096

export function cast({
  inputs: { x },
  outputs: { y },
  params: { dtype },
}: Call<CastInputs, CastOutputs, CastParams>): WasmLaunch[] {
  // Contiguous rows are one long row: it can be shared out however short they are.
  const [rows, width, xStride] = x.contiguous ? [1, x.size, x.size] : [x.rows, x.width, x.rowStride]
  const args = { x, y, width, xStride, piece: PIECE }
  return [wasmLaunch(dtype === 'f16' ? 'castToHalf' : 'castToFloat', args, rows * Math.ceil(width / PIECE))]
}
