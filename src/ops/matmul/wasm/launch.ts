import type { Choices } from '../../../devices/choices.ts'
import type { Operand } from '../../../devices/device.ts'
import { wasmLaunch, type WasmLaunch } from '../../../devices/wasm/launch.ts'
import type { Shape } from '../../../tensor/shape.ts'
import { ACTIVATIONS } from '../../activation/kinds.ts'
import type { Call } from '../../operation.ts'
import { dimsOf, type Dims } from '../dims.ts'
import type { MatmulInputs, MatmulOutputs, MatmulParams } from '../types.ts'

/** As `choices.fewRows`, where b is not transposed. */
const COLUMN_ROWS = 4
/** Rows of b that an item of the dot kernel takes. */
const DOT_ITEM = 8
/** Columns of b that an item of the columns kernel takes, fixed there. */
const COLUMNS_ITEM = 32
/** Columns of a packed panel of b. */
const PANEL = 8
/** Rows of the register tile that is a panel wide. */
const TILE_ROWS = 6
/** Words of a register tile. */
const TILE = 48
/**
 * Rows of `a` (transposed) or columns of b are packed so many words at a time, so that scratch does not grow
 * with them.
 */
const SCRATCH_WORDS = 1 << 22
/** Blocks are made smaller until there are so many. */
const ITEMS = 32

type MatmulCall = Call<MatmulInputs, MatmulOutputs, MatmulParams>

interface Epilogue {
  readonly bias: Operand | undefined
  readonly residual: Operand | undefined
  readonly pre?: Operand | undefined
  readonly kind: number
}

export function matmul(call: MatmulCall): WasmLaunch[] {
  const { inputs, outputs, params } = call
  const dims = dimsOf(inputs, params)
  const epilogue = {
    bias: inputs.bias,
    residual: inputs.residual,
    pre: outputs.pre,
    kind: ACTIVATIONS.indexOf(params.activation),
  }
  const { batch, N } = dims
  const { choices } = call.device
  // Few rows: b is streamed once and dotted with them; for more, it is packed and tiles are computed.
  const rows = params.transposeB ? choices.fewRows : COLUMN_ROWS
  if (dims.M > rows) {
    const product = {
      a: inputs.a,
      transposeA: params.transposeA,
      y: outputs.y,
      scratch: call.scratch,
      panelWords: SCRATCH_WORDS,
      pack: packing(inputs.b, params.transposeB, dims),
      choices,
    }
    return tiled(product, dims, epilogue)
  }
  const launches: WasmLaunch[] = []
  let a: Operand = inputs.a
  let straight = dims
  if (params.transposeA) {
    const { M, K, aRow, aBatch } = dims
    // One a for all matrices of b is transposed once.
    const matrices = aBatch === 0 ? 1 : batch
    a = call.scratch([matrices, M, K])
    launches.push(transpose(inputs.a, a, M, K, aRow, aBatch, matrices))
    straight = { ...dims, aRow: K, aBatch: aBatch === 0 ? 0 : M * K }
  }
  const { M, K, aRow, aBatch, bRow, bBatch } = straight
  const args = { a, b: inputs.b, y: outputs.y, ...epilogue, M, N, K, aRow, aBatch, bRow, bBatch }
  launches.push(
    params.transposeB
      ? wasmLaunch('matmulDot', { ...args, item: DOT_ITEM }, batch * Math.ceil(N / DOT_ITEM))
      : wasmLaunch('matmulColumns', args, batch * Math.ceil(N / COLUMNS_ITEM)),
  )
  return launches
}

/** Launches that bring parts of b to panels. */
function packing(b: Operand, transposed: boolean, { K, bRow, bBatch }: Dims): Product['pack'] {
  return ({ packed, first, count, n, width }) => {
    const from = at(b, first * bBatch + (transposed ? n * bRow : n))
    const args = { b: from, packed, N: width, K, bRow, bBatch, transposed: transposed ? 1 : 0 }
    return wasmLaunch('matmulPack', args, (bBatch === 0 ? 1 : count) * Math.ceil(width / PANEL))
  }
}

/** What `tiled` is given besides sizes. */
interface Product {
  readonly a: Operand
  readonly transposeA: boolean
  readonly y: Operand
  readonly scratch: (shape: Shape) => Operand
  readonly choices: Choices
  /** Words of scratch that hold panels of b at a time. */
  readonly panelWords: number
  /** Packs the columns n … n + width of b, or of `count` matrices from `first` on. */
  readonly pack: (part: {
    readonly packed: Operand
    readonly first: number
    readonly count: number
    readonly n: number
    readonly width: number
  }) => WasmLaunch
}

/**
 * For each part of b: pack it; for each part of a: bring it to rows if it is transposed, and compute their
 * tiles.
 */
export function tiled(product: Product, dims: Dims, epilogue: Epilogue): WasmLaunch[] {
  const { y, scratch, panelWords, pack, choices } = product
  const { batch, M, N, K } = dims
  const columns = partOf(N, K, PANEL, panelWords)
  const rows = product.transposeA ? partOf(M, K, TILE_ROWS, SCRATCH_WORDS) : M
  const matrices = columns < N || rows < M ? 1 : Math.max(1, Math.floor(SCRATCH_WORDS / (K * Math.max(M, N))))
  const together = Math.min(batch, matrices)
  const packed = scratch([together, Math.ceil(columns / PANEL), K, PANEL])
  const turned = product.transposeA ? scratch([together, rows, K]) : undefined
  const launches: WasmLaunch[] = []
  for (let first = 0; first < batch; first += together) {
    const count = Math.min(together, batch - first)
    for (let n = 0; n < N; n += columns) {
      const width = Math.min(columns, N - n)
      const panels = Math.ceil(width / PANEL)
      // One b for all matrices of a is packed once.
      const shared = dims.bBatch === 0
      if (!shared || first === 0 || columns < N) launches.push(pack({ packed, first, count, n, width }))
      for (let m = 0; m < M; m += rows) {
        const height = Math.min(rows, M - m)
        const part = { first, count, m, n, height, width, panels, shared }
        let a = at(product.a, first * dims.aBatch + (turned ? m : m * dims.aRow))
        let strides = { aRow: dims.aRow, aBatch: dims.aBatch }
        if (turned) {
          launches.push(transpose(a, turned, height, K, dims.aRow, dims.aBatch, count))
          a = turned
          strides = { aRow: K, aBatch: height * K }
        }
        launches.push(tiles({ ...dims, ...strides }, epilogue, { ...part, a, packed }))
      }
    }
  }
  return launches

  function tiles(
    { aRow, aBatch }: Dims,
    { bias, residual, pre, kind }: Epilogue,
    part: {
      first: number
      count: number
      m: number
      n: number
      height: number
      width: number
      panels: number
      shared: boolean
      a: Operand
      packed: Operand
    },
  ): WasmLaunch {
    const { count, height, width } = part
    const block = blockOf(choices, count, height, width)
    const items = count * Math.ceil(height / block.rows) * Math.ceil(width / block.columns)
    const start = (part.first * M + part.m) * N + part.n
    const innerBlocks = Math.ceil(K / choices.cacheInner)
    return wasmLaunch(
      'matmulTiles',
      {
        a: part.a,
        packed: part.packed,
        y: at(y, start),
        bias: bias && at(bias, part.n),
        residual: residual && at(residual, start),
        pre: pre && at(pre, start),
        edge: scratch([items, TILE]),
        kind,
        M: height,
        N: width,
        K,
        aRow,
        aBatch,
        bBatch: part.shared ? 0 : part.panels * K * PANEL,
        yRow: N,
        yBatch: M * N,
        blockRows: block.rows,
        blockColumns: block.columns,
        blockInner: 4 * Math.ceil(K / innerBlocks / 4),
        tileColumns: choices.tileColumns,
      },
      items,
    )
  }
}

/** aᵀ of each matrix: t [matrices, M, K] from a [matrices, K, M]. */
function transpose(
  a: Operand,
  t: Operand,
  M: number,
  K: number,
  aRow: number,
  aBatch: number,
  matrices: number,
): WasmLaunch {
  return wasmLaunch('matmulTranspose', { a, t, M, K, aRow, aBatch }, matrices * Math.ceil(M / 8))
}

/** As many of `size` rows of K words as there is room for, a multiple of `unit` unless all. */
function partOf(size: number, K: number, unit: number, words: number): number {
  const most = Math.max(unit, Math.floor(words / K / unit) * unit)
  return Math.min(size, most)
}

/**
 * Sizes of an item's block of the output: whole tiles, smaller where there are few, and as even as tiles let
 * them be.
 */
function blockOf(
  { cacheRows, cacheColumns, tileColumns }: Choices,
  matrices: number,
  M: number,
  N: number,
): { rows: number; columns: number } {
  let [rows, columns] = [cacheRows, cacheColumns]
  const few = (): boolean => matrices * Math.ceil(M / rows) * Math.ceil(N / columns) < ITEMS
  while (few() && columns > 2 * tileColumns) columns /= 2
  while (few() && rows > 2 * TILE_ROWS) rows /= 2
  return { rows: evenly(M, rows, TILE_ROWS), columns: evenly(N, columns, tileColumns) }
}

/** The size of equal parts of at most `most`, in whole units: threads then get shares of the same size. */
function evenly(size: number, most: number, unit: number): number {
  return unit * Math.ceil(size / Math.ceil(size / most) / unit)
}

/** The operand from another first element on. */
export function at(x: Operand, words: number): Operand {
  return { storage: x.storage, offset: x.offset + words, size: x.size - words, rowStride: x.rowStride }
}
