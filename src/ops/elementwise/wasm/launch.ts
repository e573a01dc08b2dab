import { bytesOf, wordOf } from '../../../devices/dtype.ts'
import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { copyRows } from '../../copy/wasm.ts'
import type { Call } from '../../operation.ts'
import { loopsOf } from '../loops.ts'
import {
  OPERATORS,
  type BinaryInputs,
  type BinaryOutputs,
  type BinaryParams,
  type FillInputs,
  type FillParams,
  type IntoInputs,
  type NoOutputs,
  type ScaleInputs,
  type ScaleOutputs,
  type ScaleParams,
} from '../types.ts'

/**
 * Elements that a thread takes at a time: long enough to be worth it, short enough to share. A multiple of 4.
 */
const PIECE = 4096
const piecesOf = (size: number): number => Math.ceil(size / PIECE)

export function binary({
  inputs: { a, b },
  outputs: { y },
  params,
}: Call<BinaryInputs, BinaryOutputs, BinaryParams>): WasmLaunch[] {
  const loops = loopsOf(a, b)
  const [n0, n1, n2, n3] = loops.sizes
  const [a0, a1, a2, a3] = loops.a
  const [b0, b1, b2, b3] = loops.b
  const operator = OPERATORS.indexOf(params.operator)
  const args = { a, b, y, operator, n1, n2, n3, a0, a1, a2, a3, b0, b1, b2, b3, piece: PIECE }
  return [wasmLaunch('elementwiseBinary', args, n0 * n1 * n2 * piecesOf(n3))]
}

export function scale({
  inputs: { x },
  outputs: { y },
  params: { factor, shift },
}: Call<ScaleInputs, ScaleOutputs, ScaleParams>): WasmLaunch[] {
  return [
    wasmLaunch('elementwiseScale', { x, y, factor, shift, size: x.size, piece: PIECE }, piecesOf(x.size)),
  ]
}

export function accumulate({ inputs: { into, x } }: Call<IntoInputs, NoOutputs, object>): WasmLaunch[] {
  const args = { into, x, integers: into.dtype === 'i32' ? 1 : 0, size: x.size, piece: PIECE }
  return [wasmLaunch('elementwiseAccumulate', args, piecesOf(x.size))]
}

export function copyInto({ inputs: { into, x } }: Call<IntoInputs, NoOutputs, object>): WasmLaunch[] {
  return [copyRows(x, into)]
}

export function fill({
  inputs: { into },
  params: { value },
}: Call<FillInputs, NoOutputs, FillParams>): WasmLaunch[] {
  const args = {
    into,
    word: wordOf(into.dtype, value),
    bytes: bytesOf(into.dtype),
    size: into.size,
    piece: PIECE,
  }
  return [wasmLaunch('elementwiseFill', args, piecesOf(into.size))]
}
