/** What is in a checkpoint, counted from headers alone. */
import { STORED_TYPES } from '../../checkpoints/dtypes.ts'
import { TENSOR_TYPES_BY_NAME } from '../../checkpoints/gguf/types.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'
import type { Checkpoint } from './open.ts'
import type { LayerConfig, ModelConfig } from '../config.ts'

/** Kinds of tensors, by what they do in the model. */
export const TENSOR_KINDS = [
  'embeddings',
  'projections',
  'convolutions',
  'norms',
  'dynamics',
  'other',
] as const
export type TensorKind = (typeof TENSOR_KINDS)[number]

export interface TensorEntry {
  readonly name: string
  readonly kind: TensorKind
  readonly dtype: string
  readonly shape: Shape
  readonly numbers: number
  readonly bytes: number
}

export interface StateSize {
  /** Of a session, in bytes, whatever its length. */
  readonly fixed: number
  /** More for each token, in bytes: keys and values of attention layers. */
  readonly eachToken: number
}

/** Bytes of a number; of a block's numbers, the same part for each. */
function bytesOfNumber(dtype: string): number {
  const type = TENSOR_TYPES_BY_NAME.get(dtype)
  return type ? type.bytes / type.block : STORED_TYPES.get(dtype)!.bytes
}

export function tensorEntries({ tensors }: Pick<Checkpoint, 'tensors'>): TensorEntry[] {
  return [...tensors].map(([name, { dtype, shape }]) => {
    const numbers = sizeOf(shape)
    return { name, kind: kindOf(name), dtype, shape, numbers, bytes: numbers * bytesOfNumber(dtype) }
  })
}

function kindOf(name: string): TensorKind {
  if (/embedding|^lm_head\./.test(name)) return 'embeddings'
  if (/\.conv1d\./.test(name)) return 'convolutions'
  if (/\b(norm|norm2|norm_f)\.(weight|bias)$/.test(name)) return 'norms'
  if (/\.(A|A_log|D|dt_bias|log_dt|log_A_real|A_imag|C_real|C_imag)$|\.dt_proj\.bias$/.test(name))
    return 'dynamics'
  return /_proj\.|\.fc[12]\./.test(name) ? 'projections' : 'other'
}

/** What a session of such a model remembers, in f32. */
export function stateSize({ layers, width }: ModelConfig): StateSize {
  const sizes = layers.map((layer) => layerState(layer, width))
  const sum = (key: keyof StateSize): number => 4 * sizes.reduce((total, size) => total + size[key], 0)
  return { fixed: sum('fixed'), eachToken: sum('eachToken') }
}

/** In numbers. */
function layerState(layer: LayerConfig, width: number): StateSize {
  switch (layer.kind) {
    case 'mamba':
      return { fixed: layer.hidden * (layer.kernel - 1 + layer.state), eachToken: 0 }
    case 'mamba2': {
      const channels = layer.hidden + 2 * layer.groups * layer.state
      return { fixed: channels * (layer.kernel - 1) + layer.hidden * layer.state, eachToken: 0 }
    }
    case 's4d':
      return { fixed: 2 * width * layer.state, eachToken: 0 }
    case 'attention': {
      const headWidth = layer.headWidth ?? width / layer.heads
      const channels = (layer.heads + 2 * layer.kvHeads) * headWidth
      const window = layer.kernel === undefined ? 0 : channels * (layer.kernel - 1)
      return { fixed: window, eachToken: 2 * layer.kvHeads * headWidth }
    }
    default:
      return layer satisfies never
  }
}
