import { wasmLaunch, type WasmLaunch } from '../../devices/wasm/launch.ts'
import { ACTIVATIONS } from '../activation/kinds.ts'
import { at, tiled } from '../matmul/wasm.ts'
import type { Call } from '../operation.ts'
import { BLOCK } from './blocks.ts'
import { PANEL_ROWS, panelWords, type PackedFormat } from './format.ts'
import type {
  PackedEmbeddingInputs,
  PackedEmbeddingOutputs,
  PackedEmbeddingParams,
  PackedLinearInputs,
  PackedLinearOutputs,
  PackedLinearParams,
} from './types.ts'

/** Up to so many rows, panels are streamed past them as they are; with more, they are unpacked to f32 for tiles. */
const DOT_ROWS = 16
/** Panels are unpacked so many words at a time: they stay in the cache until the tiles have read them. */
const SCRATCH_WORDS = 1 << 20
const UNPACK = { f16: 'packedUnpackF16', q8: 'packedUnpackQ8', q4: 'packedUnpackQ4' } as const
const BITS: Readonly<Record<PackedFormat, number>> = { f16: 16, q8: 8, q4: 4 }
/** Words of 32 activations in integers: see `quantise.as.ts`. */
const RECORD = 36

type LinearCall = Call<PackedLinearInputs, PackedLinearOutputs, PackedLinearParams>

export function linearWasm(call: LinearCall): WasmLaunch[] {
  if (call.inputs.x.rows > DOT_ROWS) return tiles(call)
  return call.params.format === 'f16' ? dotHalves(call) : dotIntegers(call)
}

function dotHalves({ inputs, outputs: { y }, params }: LinearCall): WasmLaunch[] {
  const { x, words, bias, residual } = inputs
  const kind = ACTIVATIONS.indexOf(params.activation)
  const sizes = { M: x.rows, N: params.rows, K: x.width, xRow: x.rowStride }
  return [wasmLaunch('packedDotF16', { x, words, y, bias, residual, kind, ...sizes }, words.rows)]
}

function dotIntegers({ inputs, outputs: { y }, params, scratch }: LinearCall): WasmLaunch[] {
  const { x, words, bias, residual } = inputs
  const [M, K] = [x.rows, x.width]
  const kind = ACTIVATIONS.indexOf(params.activation)
  const q = scratch([M, K / BLOCK, RECORD])
  const sizes = { M, N: params.rows, K, bits: BITS[params.format] }
  return [
    wasmLaunch('packedQuantise', { x, q, K, xRow: x.rowStride }, M * (K / BLOCK)),
    wasmLaunch('packedDotInt', { q, words, y, bias, residual, kind, ...sizes }, words.rows),
  ]
}

function tiles({ inputs, outputs: { y }, params, scratch }: LinearCall): WasmLaunch[] {
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
      pack: ({ packed, n, width }) => {
        const from = at(words, (n / PANEL_ROWS) * size)
        return wasmLaunch(UNPACK[params.format], { words: from, packed, K }, Math.ceil(width / PANEL_ROWS))
      },
    },
    dims,
    { bias, residual, kind: ACTIVATIONS.indexOf(params.activation) },
  )
}

export function embeddingWasm({
  inputs: { tokens, words },
  outputs: { y },
  params: { format, rows, columns },
}: Call<PackedEmbeddingInputs, PackedEmbeddingOutputs, PackedEmbeddingParams>): WasmLaunch[] {
  const args = { tokens, words, y, N: rows, K: columns, bits: BITS[format] }
  return [wasmLaunch('packedRows', args, tokens.size)]
}
