/** What is in a checkpoint, counted from headers alone. */
import { STORED_TYPES } from '../../checkpoints/dtypes.ts'
import { TENSOR_TYPES_BY_NAME } from '../../checkpoints/gguf/types.ts'
import { CausalConv1d } from '../../nn/causal-conv1d.ts'
import { Embedding, Linear } from '../../nn/linear.ts'
import { walkParts, type Module } from '../../nn/module.ts'
import { LayerNorm, RMSNorm } from '../../nn/norm.ts'
import { Parameter } from '../../nn/parameter.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'
import type { Checkpoint } from './open.ts'
import type { ModelConfig } from '../config.ts'
import { Stack } from '../stack.ts'

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

/** One tensor of a checkpoint, as `inspect` lists it. */
export interface TensorEntry {
  readonly name: string
  readonly kind: TensorKind
  readonly dtype: string
  readonly shape: Shape
  readonly numbers: number
  readonly bytes: number
}

/** What a session of a model remembers, in bytes. */
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

/** All tensors of a checkpoint, each with what it is for. */
export function tensorEntries({ tensors, config }: Pick<Checkpoint, 'tensors' | 'config'>): TensorEntry[] {
  const kinds = kindsOf(new Stack(config))
  return [...tensors].map(([name, { dtype, shape, bytes }]) => {
    const numbers = sizeOf(shape)
    const kind = kinds.get(name) ?? 'other'
    return { name, kind, dtype, shape, numbers, bytes: bytes ?? numbers * bytesOfNumber(dtype) }
  })
}

/** The kinds of a tree's parameters, by all their names: told by the module that has them. */
function kindsOf(stack: Stack): Map<string, TensorKind> {
  const kinds = new Map<string, TensorKind>()
  for (const { path, part, owner } of walkParts(stack)) {
    if (!(part instanceof Parameter)) continue
    // The projection to the vocabulary counts as an embedding, tied or not.
    const kind = owner === stack.lmHead ? 'embeddings' : kindOfModule(owner)
    kinds.set(path, kind)
    const other = part.alternativePath(path)
    if (other !== undefined) kinds.set(other, kind)
  }
  return kinds
}

function kindOfModule(module: Module): TensorKind {
  if (module instanceof Embedding) return 'embeddings'
  if (module instanceof CausalConv1d) return 'convolutions'
  if (module instanceof RMSNorm || module instanceof LayerNorm) return 'norms'
  return module instanceof Linear ? 'projections' : 'dynamics'
}

/** What a session of such a model remembers, in f32: what its layers declare. */
export function stateSize(config: ModelConfig): StateSize {
  const slots = new Stack(config).layers.flatMap((layer) => Object.values(layer.slots))
  const bytes = (grows: boolean): number =>
    slots.reduce((sum, slot) => sum + (slot.grows === grows ? 4 * sizeOf(slot.shape) : 0), 0)
  return { fixed: bytes(false), eachToken: bytes(true) }
}
