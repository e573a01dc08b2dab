/**
 * A model in memory, seen as a checkpoint: its values are read back from the device as they are asked for.
 */
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { PANEL_ROWS, panelWords, storedBytes, storedDType, toStored } from '../../ops/packed/format.ts'
import { PackedMatrix } from '../../ops/index.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import type { Parameter } from '../../nn/parameter.ts'
import type { ModelConfig } from '../config.ts'
import type { Saved } from './save.ts'

interface LiveModel {
  readonly config: ModelConfig
  readonly parameters: ReadonlyMap<string, Parameter>
}

/** The model must stay alive and unchanged while it is read. */
export function liveCheckpoint({ config, parameters }: LiveModel): Saved {
  const tensors = new Map<string, StoredTensor>()
  for (const [name, { value }] of parameters) {
    tensors.set(name, value instanceof PackedMatrix ? packed(value) : plain(value))
  }
  return { where: 'model', config, tensors }
}

function plain(tensor: Tensor): StoredTensor {
  return {
    dtype: 'F32',
    shape: tensor.shape,
    read: async (begin, end) => (await tensor.read(begin, end)) as Float32Array,
  }
}

/** Read in whole rows, or panels, around what is asked for. */
function packed(matrix: PackedMatrix): StoredTensor {
  const [rows, columns] = matrix.shape
  const { format, words } = matrix
  return {
    dtype: storedDType(format),
    shape: matrix.shape,
    async read(begin = 0, end = rows * columns) {
      const first = Math.floor(begin / columns)
      const values = await matrix.readRows(first, Math.ceil(end / columns) - first)
      return values.subarray(begin - first * columns, end - first * columns)
    },
    async raw(begin, end) {
      const panel = Math.floor(begin / columns / PANEL_ROWS)
      const first = panel * PANEL_ROWS
      const count = Math.ceil(end / columns) - first
      const width = panelWords(format, columns)
      const panelsEnd = panel + Math.ceil(count / PANEL_ROWS)
      const panels = await words.read(panel * width, panelsEnd * width)
      const bytes = toStored(format, panels as Uint32Array, count, columns)
      const at = (element: number): number => storedBytes(format, element - first * columns)
      return bytes.slice(at(begin), at(end))
    },
  }
}
