import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import { ACTIVATIONS } from '../../activation/kinds.ts'
import { at, tiled } from '../../matmul/wasm/launch.ts'
import type { Call } from '../../operation.ts'
import { BLOCK } from '../blocks.ts'
import { PANEL_ROWS, panelWords, type PackedFormat } from '../format.ts'
import type {
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams,
  PackedLinearInputs,
  PackedLinearOutputs,
  PackedLinearParams,
} from '../types.ts'

/** Panels are unpacked so many words at a time: they stay in the cache until the tiles have read them. */
const SCRATCH_WORDS = 1 << 20
const UNPACK = { f16: 'packedUnpackF16', q8: 'packedUnpackQ8', q4: 'packedUnpackQ4' } as const
const BITS: Readonly<Record<PackedFormat, number>> = { f16: 16, q8: 8, q4: 4 }
/** Activations as digits of bytes, as int16, or as is faster: see `dot-digits.as.ts`. */
export type Integers = 'digits' | 'int16' | 'best'
const ASKED: Readonly<Record<Integers, number>> = { int16: 0, digits: 1, best: 2 }
/** Words of 32 activations in integers: see `quantise.as.ts`. */
const RECORD = 36

type LinearCall = Call<PackedLinearInputs, PackedLinearOutputs, PackedLinearParams>

export function packedLinear(call: LinearCall): WasmLaunch[] {
  // Few rows meet panels as they are; for more, panels are unpacked to f32 for tiles.
  if (call.inputs.x.rows > call.device.choices.fewRows) return tiles(call)
  return call.params.format === 'f16' ? dotHalves(call) : dotIntegers(call, 'best')
}

function dotHalves({ inputs, outputs: { y }, params }: LinearCall): WasmLaunch[] {
  const { x, words, bias, residual } = inputs
  const kind = ACTIVATIONS.indexOf(params.activation)
  const sizes = { M: x.rows, N: params.rows, K: x.width, xRow: x.rowStride }
  return [wasmLaunch('packedDotF16', { x, words, y, bias, residual, kind, ...sizes }, words.rows)]
}

/** Few rows by q8 or q4. */
export function dotIntegers(
  { inputs, outputs: { y }, params, scratch }: LinearCall,
  integers: Integers,
): WasmLaunch[] {
  const { x, words, bias, residual } = inputs
  const [M, K] = [x.rows, x.width]
  const kind = ACTIVATIONS.indexOf(params.activation)
  const q = scratch([M, K / BLOCK, RECORD])
  const how = { bits: BITS[params.format], digits: ASKED[integers] }
  const sizes = { M, N: params.rows, K, ...how }
  return [
    wasmLaunch('packedQuantise', { x, q, K, xRow: x.rowStride, ...how }, M * (K / BLOCK)),
    wasmLaunch('packedDotInt', { q, words, y, bias, residual, kind, ...sizes }, words.rows),
  ]
}

function tiles({ inputs, outputs: { y }, params, scratch, device: { choices } }: LinearCall): WasmLaunch[] {
  const { x, words, bias, residual } = inputs
  const K = x.width
  const dims = { batch: 1, M: x.rows, N: params.rows, K, aRow: x.rowStride, aBatch: 0, bRow: 0, bBatch: 0 }
  const size = panelWords(params.format, K)
  return tiled(
    {
      a: x,
      transposeA: false,
      y,
      scratch,
      panelWords: SCRATCH_WORDS,
      choices,
      pack: ({ packed, n, width }) => {
        const from = at(words, (n / PANEL_ROWS) * size)
        return wasmLaunch(UNPACK[params.format], { words: from, packed, K }, Math.ceil(width / PANEL_ROWS))
      },
    },
    dims,
    { bias, residual, kind: ACTIVATIONS.indexOf(params.activation) },
  )
}

export function packedEmbedding({
  inputs: { tokens, words },
  outputs: { y },
  params: { format, rows, columns },
}: Call<PackedEmbeddingInputs, PackedEmbeddingOutputs, PackedEmbeddingParams>): WasmLaunch[] {
  const args = { tokens, words, y, N: rows, K: columns, bits: BITS[format] }
  return [wasmLaunch('packedRows', args, tokens.size)]
}
