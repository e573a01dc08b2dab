/** Models as files: the Hugging Face layout (safetensors, in shards if large) and GGUF. Values pass in pieces. */
import type { FileContent } from '../../checkpoints/atomic.ts'
import {
  encodeRows,
  ggufParts,
  type EncodedDType,
  type TypedGgufValue,
} from '../../checkpoints/gguf/index.ts'
import { byteLength, safetensorsParts, type TensorPlan } from '../../checkpoints/safetensors-writer.ts'
import { Staging } from '../../checkpoints/source.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError } from '../../errors.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'
import { ggufOfTokenizer } from '../../tokenizers/gguf/to-gguf.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import { expectFinite, storedParameters } from './fill.ts'
import type { Checkpoint } from './open.ts'
import type { MambaLayer, Mamba2Layer, ModelConfig } from '../config.ts'
import { ggufTensorOf, toGguf } from '../gguf.ts'
import { configText } from '../hugging-face.ts'
import { planParameters } from './plan.ts'

/** What is saved: a checkpoint, or a model in memory seen as one. */
export type Saved = Pick<Checkpoint, 'where' | 'config' | 'tensors'>

export interface SaveOptions {
  /** Weights are split in files of at most so many bytes (a larger tensor has one to itself). Default: 5 GB, as transformers. */
  readonly shardBytes?: number
}

interface FolderOptions extends SaveOptions {
  readonly tokenizer?: Tokenizer | undefined
}

/** Numbers that are written at a time; a multiple of every block. */
const PIECE = 1 << 20

/**
 * The files of a folder that transformers reads, by name: config.json, the weights, and those of the tokenizer. Weights are f32,
 * and f16 where that is what there is. A model that transformers has no words for gets a config.json that Sidewinder alone reads.
 *
 * @throws CheckpointError naming the tensor that is missing or has a wrong shape; others as the contents are read
 */
export function folderFiles(
  saved: Saved,
  { shardBytes = 5e9, tokenizer }: FolderOptions = {},
): Map<string, FileContent> {
  const plans = [...planParameters(saved.config, storedParameters(saved, 'f32'))].map(([name, { shape }]) =>
    planOf(saved, name, shape),
  )
  const files = new Map<string, FileContent>(tokenizer?.files)
  files.set('config.json', configText(saved.config, tokenizer))
  const shards = shardsOf(plans, shardBytes)
  const metadata = { format: 'pt' }
  if (shards.length === 1) return files.set('model.safetensors', safetensorsParts(plans, metadata))
  const weightMap: Record<string, string> = {}
  for (const [i, shard] of shards.entries()) {
    const name = `model-${five(i + 1)}-of-${five(shards.length)}.safetensors`
    for (const plan of shard) weightMap[plan.name] = name
    files.set(name, safetensorsParts(shard, metadata))
  }
  const total = plans.reduce((sum, plan) => sum + byteLength(plan), 0)
  const index = { metadata: { total_size: total }, weight_map: weightMap }
  return files.set('model.safetensors.index.json', `${JSON.stringify(index, null, 2)}\n`)
}

const five = (n: number): string => String(n).padStart(5, '0')

function shardsOf(plans: readonly TensorPlan[], most: number): TensorPlan[][] {
  const shards: TensorPlan[][] = [[]]
  let size = 0
  for (const plan of plans) {
    const bytes = byteLength(plan)
    if (size > 0 && size + bytes > most) {
      shards.push([])
      size = 0
    }
    shards.at(-1)!.push(plan)
    size += bytes
  }
  return shards
}

/** A parameter as it goes into safetensors: A, which GGUF holds, goes back to A_log. */
function planOf(saved: Saved, name: string, shape: Shape): TensorPlan {
  const stored = saved.tensors.get(name)!
  const isA = name.endsWith('.mixer.A')
  if (stored.dtype === 'F16' && stored.raw && !isA) {
    return { name, dtype: 'F16', shape, bytes: () => rawPieces(stored, shape) }
  }
  const map = isA ? (values: Float32Array) => logOf(values, `${saved.where}: ${name}`) : undefined
  return {
    name: isA ? `${name}_log` : name,
    dtype: 'F32',
    shape,
    bytes: () => bytesOf(valuePieces(saved, name, map)),
  }
}

function logOf(values: Float32Array, where: string): Float32Array {
  return values.map((value) => {
    if (value < 0) return Math.log(-value)
    throw new CheckpointError('A must be negative', { where, found: value })
  })
}

export interface GgufOptions {
  /** Of matrices; all else is F32. Rows that are no multiple of 32 become F16 where blocks are asked for. */
  readonly type: Extract<EncodedDType, 'F32' | 'F16' | 'Q8_0' | 'Q4_0'>
  /** Absent: the file is for token ids alone. */
  readonly tokenizer?: Tokenizer | undefined
  readonly name?: string
  /** Told of what llama.cpp will compute a little differently. Default: `console.warn`. */
  readonly onWarning?: (message: string) => void
}

/** `general.file_type` of llama.cpp. */
const FILE_TYPES = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 } as const

/**
 * The parts of a GGUF file that llama.cpp opens: `mamba` (also Falcon-Mamba) or `mamba2`.
 *
 * @throws ConfigError naming what in the model or its tokenizer llama.cpp has no words for
 */
export function ggufFile(
  saved: Saved,
  { type, tokenizer, name = 'sidewinder', onWarning = console.warn }: GgufOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const metadata = new Map<string, TypedGgufValue>()
  for (const [key, value] of toGguf(saved.config, saved.where)) metadata.set(key, typed(value))
  metadata.set('general.name', { type: 'STRING', value: name })
  metadata.set('general.file_type', { type: 'UINT32', value: FILE_TYPES[type] })
  if (type.startsWith('Q')) metadata.set('general.quantization_version', { type: 'UINT32', value: 2 })
  for (const [key, value] of tokenizerKeys(saved.config, tokenizer)) metadata.set(key, value)
  const layer = saved.config.layers[0] as MambaLayer | Mamba2Layer
  warnOfEpsilon(saved, layer, onWarning)
  const parameters = planParameters(saved.config, storedParameters(saved, 'f32'))
  const plans = [...parameters].map(([parameter, planned]) => {
    const to = ggufTensorOf(parameter, planned.shape, layer)
    const stored = saved.tensors.get(parameter)!
    const dtype = dtypeFor(type, planned.matrix, to.shape.at(-1)!)
    if (stored.dtype === dtype && stored.raw && dtype !== 'F32') {
      return { name: to.name, dtype, shape: to.shape, bytes: () => rawPieces(stored, planned.shape) }
    }
    const map = parameter.endsWith('.mixer.A_log') ? negativeExp : undefined
    const where = `${saved.where}: ${parameter}`
    return {
      name: to.name,
      dtype,
      shape: to.shape,
      bytes: async function* () {
        for await (const values of valuePieces(saved, parameter, map)) yield encodeRows(dtype, values, where)
      },
    }
  })
  return ggufParts(metadata, plans)
}

function warnOfEpsilon(
  { where, config: { eps } }: Saved,
  layer: MambaLayer | Mamba2Layer,
  warn: (message: string) => void,
): void {
  if (layer.kind !== 'mamba' || layer.innerNorm === undefined || layer.innerNorm === eps) return
  warn(
    `[${where}] llama.cpp has one epsilon for all norms: it takes ${eps} for delta, B and C too, not ${layer.innerNorm}`,
  )
}

function tokenizerKeys(
  { layers, input }: ModelConfig,
  tokenizer: Tokenizer | undefined,
): ReadonlyMap<string, TypedGgufValue> {
  const vocabulary = 'vocabulary' in input ? input.vocabulary : 0
  if (tokenizer) return ggufOfTokenizer(tokenizer, vocabulary)
  return new Map([
    ['tokenizer.ggml.model', typed('none')],
    [`${layers[0].kind}.vocab_size`, typed(vocabulary)],
  ])
}

const negativeExp = (values: Float32Array): Float32Array => values.map((value) => -Math.exp(value))

function dtypeFor(type: GgufOptions['type'], matrix: boolean, columns: number): GgufOptions['type'] {
  if (!matrix || type === 'F32') return 'F32'
  return type !== 'F16' && columns % 32 !== 0 ? 'F16' : type
}

function typed(value: string | number | boolean | { readonly float: number }): TypedGgufValue {
  if (typeof value === 'string') return { type: 'STRING', value }
  if (typeof value === 'boolean') return { type: 'BOOL', value }
  return typeof value === 'number' ? { type: 'UINT32', value } : { type: 'FLOAT32', value: value.float }
}

/** All values of a tensor, a piece at a time. A piece is the caller's until the next one. */
async function* valuePieces(
  saved: Saved,
  name: string,
  map: ((values: Float32Array) => Float32Array) | undefined,
): AsyncGenerator<Float32Array, void, void> {
  const stored = saved.tensors.get(name)!
  const size = sizeOf(stored.shape)
  const staging = new Staging()
  for (let begin = 0; begin < size; begin += PIECE) {
    const values = await stored.read(begin, Math.min(begin + PIECE, size), staging)
    const checked = expectFinite(values, begin, stored, `${saved.where}: ${name}`)
    yield map ? map(checked) : checked
  }
}

async function* bytesOf(pieces: AsyncIterable<Float32Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const { buffer, byteOffset, byteLength: length } of pieces) {
    yield new Uint8Array(buffer, byteOffset, length)
  }
}

async function* rawPieces(stored: StoredTensor, shape: Shape): AsyncGenerator<Uint8Array, void, void> {
  const size = sizeOf(shape)
  const staging = new Staging()
  for (let begin = 0; begin < size; begin += PIECE) {
    yield await stored.raw!(begin, Math.min(begin + PIECE, size), staging)
  }
}
