/**
 * Models as files: the Hugging Face layout (safetensors, in shards if large) and GGUF. Values pass in pieces.
 */
import { abortSignal, countFrom, flag, optionsOf } from '../../check.ts'
import type { FileContent } from '../../checkpoints/atomic.ts'
import {
  encodeRows,
  sealedGgufParts,
  type EncodedDType,
  type TypedGgufValue,
} from '../../checkpoints/gguf/index.ts'
import { byteLength, safetensorsParts, type TensorPlan } from '../../checkpoints/safetensors-writer.ts'
import { Staging, type FileSource } from '../../checkpoints/source.ts'
import { PIECE, type StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError, NumericsError } from '../../errors.ts'
import { walk } from '../../nn/module.ts'
import { sizeOf, type Shape } from '../../tensor/shape.ts'
import { ggufOfTokenizer } from '../../tokenizers/gguf/to-gguf.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import { placedParameters, type FileRows, type Layout, type PlacedParameter } from '../layouts/layout.ts'
import { chooseLayout, configText, writeGgufConfig, type SpecialTokens } from '../published.ts'
import { Stack } from '../stack.ts'
import { expectFinite, expectParameters } from './fill.ts'
import type { WriteOptions } from './folder.ts'
import type { Checkpoint } from './open.ts'
import { ggufSpecial, joinSpecial } from './special.ts'
import type { ModelConfig } from '../config.ts'

/** What is saved: a checkpoint, or a model in memory seen as one. */
export type Saved = Pick<Checkpoint, 'where' | 'config' | 'tensors'>

/** How a model is written. */
export interface SaveOptions extends WriteOptions {
  /**
   * Weights are split in files of at most so many bytes (a larger tensor has one to itself). Default: 5 GB,
   * as transformers.
   */
  readonly shardBytes?: number
}

/** Throws ConfigError for what are no options of `save`. */
export const readSaveOptions = optionsOf<SaveOptions>({
  shardBytes: countFrom(1),
  overwrite: flag,
  signal: abortSignal,
})

interface FolderOptions extends Pick<SaveOptions, 'shardBytes'> {
  readonly tokenizer?: Tokenizer | undefined
  /** Tokens that begin, end and fill texts, besides those of the tokenizer. */
  readonly special?: SpecialTokens | undefined
  /** Files that are written as they are, where the tokenizer has none of the name. */
  readonly beside?: ReadonlyMap<string, FileSource> | undefined
}

/**
 * The files of a folder that transformers reads, by name: config.json, the weights, and those of the
 * tokenizer. Weights are f32, and f16 where that is what there is. A model that transformers has no words for
 * gets a config.json that Sidewinder alone reads.
 *
 * @throws CheckpointError naming the tensor that is missing or has a wrong shape; others as the contents are
 *   read
 */
export function folderFiles(
  saved: Saved,
  { shardBytes = 5e9, tokenizer, special, beside = new Map() }: FolderOptions = {},
): Map<string, FileContent> {
  const plans = tensorsOf(saved, chooseLayout(saved.config).layout).map((tensor) => planOf(saved, tensor))
  const files = new Map<string, FileContent>(tokenizer?.files)
  for (const [name, file] of beside) if (!files.has(name)) files.set(name, contentOf(file))
  files.set('config.json', configText(saved.config, joinSpecial(tokenizer, special)))
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

/** The bytes of a file, in pieces. */
async function* contentOf(file: FileSource): AsyncGenerator<Uint8Array, void, void> {
  const staging = new Staging()
  for (let at = 0; at < file.size; at += PIECE) {
    yield await file.read(at, Math.min(file.size, at + PIECE), staging)
  }
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

/** A tensor of a file to be written: some rows of a parameter, in the form that the file has them. */
interface Written {
  readonly name: string
  readonly shape: Shape
  readonly path: string
  /** Whether it may be quantised. */
  readonly packable: boolean
  /** The first number of the parameter that goes here, and the one after the last. */
  readonly begin: number
  readonly end: number
  /** undefined: the values are those of the checkpoint. */
  readonly map: ((values: Float32Array) => Float32Array) | undefined
}

/**
 * The tensors of a file in this layout. Throws CheckpointError if a parameter is missing, misshapen or has no
 * place there.
 */
function tensorsOf(saved: Saved, layout: Layout): Written[] {
  const stack = new Stack(saved.config)
  // In the forms of a new tree, the layout names things; then those of the checkpoint are chosen.
  const places = placedParameters(stack, layout)
  expectParameters(stack, saved)
  const paths = new Map(walk(stack).map(({ path, parameter }) => [parameter, path]))
  return places.flatMap((place) => writtenOf(place, paths.get(place.parameter)!))
}

function writtenOf({ parameter, tensors }: PlacedParameter, path: string): Written[] {
  const { shape, packable, alternative, inAlternative } = parameter
  const row = sizeOf(shape.slice(1))
  let begin = 0
  return tensors.map((tensor: FileRows[number]) => {
    const first = begin
    begin += tensor.rows * row
    const wanted = tensor.alternative ?? false
    const map = wanted === inAlternative ? undefined : wanted ? alternative!.fromFirst : alternative!.toFirst
    const whole = tensor.shape ?? [tensor.rows, ...shape.slice(1)]
    return { name: tensor.name, shape: whole, path, packable, begin: first, end: begin, map }
  })
}

/** A tensor as it goes into safetensors. */
function planOf(saved: Saved, written: Written): TensorPlan {
  const { name, shape, map } = written
  const stored = saved.tensors.get(written.path)!
  if (stored.dtype === 'F16' && stored.raw && !map) {
    return { name, dtype: 'F16', shape, bytes: () => rawPieces(stored, written) }
  }
  return { name, dtype: 'F32', shape, bytes: () => bytesOf(valuePieces(saved, written)) }
}

export interface GgufOptions {
  /** Of matrices; all else is F32. Rows that are no multiple of 32 become F16 where blocks are asked for. */
  readonly type: Extract<EncodedDType, 'F32' | 'F16' | 'Q8_0' | 'Q4_0'>
  /** Absent: the file is for token ids alone. */
  readonly tokenizer?: Tokenizer | undefined
  /** Tokens that begin, end and fill texts, besides those of the tokenizer. */
  readonly special?: SpecialTokens | undefined
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
  { type, tokenizer, special, name = 'sidewinder', onWarning = console.warn }: GgufOptions,
): AsyncGenerator<Uint8Array, Uint8Array, void> {
  const { metadata: keys, layout, warnings } = writeGgufConfig(saved.config, saved.where)
  const metadata = new Map<string, TypedGgufValue>()
  for (const [key, value] of keys) metadata.set(key, typed(value))
  metadata.set('general.name', { type: 'STRING', value: name })
  metadata.set('general.file_type', { type: 'UINT32', value: FILE_TYPES[type] })
  if (type.startsWith('Q')) metadata.set('general.quantization_version', { type: 'UINT32', value: 2 })
  for (const [key, value] of tokenizerKeys(saved.config, tokenizer)) metadata.set(key, value)
  const { ids, left } = ggufSpecial(joinSpecial(tokenizer, special), metadata, tokenizer?.name === 'bytes')
  for (const [key, id] of ids) metadata.set(key, typed(id))
  if (left.length > 0)
    onWarning(`[${saved.where}] GGUF has no place for more tokens that end a text: ${left.join(', ')}`)
  for (const warning of warnings) onWarning(`[${saved.where}] ${warning}`)
  const plans = tensorsOf(saved, layout).map((written) => {
    const { name: tensor, shape, packable, path } = written
    const stored = saved.tensors.get(path)!
    const dtype = dtypeFor(type, packable, shape.at(-1)!)
    if (stored.dtype === dtype && stored.raw && dtype !== 'F32') {
      return { name: tensor, dtype, shape, bytes: () => rawPieces(stored, written) }
    }
    const where = `${saved.where}: ${path}`
    return {
      name: tensor,
      dtype,
      shape,
      bytes: async function* () {
        for await (const values of valuePieces(saved, written)) yield encodeRows(dtype, values, where)
      },
    }
  })
  return sealedGgufParts(metadata, plans)
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

function dtypeFor(type: GgufOptions['type'], matrix: boolean, columns: number): GgufOptions['type'] {
  if (!matrix || type === 'F32') return 'F32'
  return type !== 'F16' && columns % 32 !== 0 ? 'F16' : type
}

function typed(value: string | number | boolean | { readonly float: number }): TypedGgufValue {
  if (typeof value === 'string') return { type: 'STRING', value }
  if (typeof value === 'boolean') return { type: 'BOOL', value }
  return typeof value === 'number' ? { type: 'UINT32', value } : { type: 'FLOAT32', value: value.float }
}

/** The values of a tensor to be written, a piece at a time. A piece is the caller's until the next one. */
async function* valuePieces(
  saved: Saved,
  { path, begin, end, map }: Written,
): AsyncGenerator<Float32Array, void, void> {
  const stored = saved.tensors.get(path)!
  const where = `${saved.where}: ${path}`
  const staging = new Staging()
  for (let at = begin; at < end; at += PIECE) {
    const values = expectFinite(await stored.read(at, Math.min(at + PIECE, end), staging), at, stored, where)
    yield map ? inForm(values, map, where) : values
  }
}

/** Names the tensor in what another form refuses. */
function inForm(
  values: Float32Array,
  map: (values: Float32Array) => Float32Array,
  where: string,
): Float32Array {
  try {
    return map(values)
  } catch (cause) {
    if (!(cause instanceof NumericsError)) throw cause
    throw new CheckpointError(cause.message, { where, cause })
  }
}

async function* bytesOf(pieces: AsyncIterable<Float32Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const { buffer, byteOffset, byteLength: length } of pieces) {
    yield new Uint8Array(buffer, byteOffset, length)
  }
}

async function* rawPieces(
  stored: StoredTensor,
  { begin, end }: Written,
): AsyncGenerator<Uint8Array, void, void> {
  const staging = new Staging()
  for (let at = begin; at < end; at += PIECE) yield await stored.raw!(at, Math.min(at + PIECE, end), staging)
}
