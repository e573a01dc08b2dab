/** The weights of a model folder: which files they are in, whatever the format, as one map of tensors. */
import type { Folder } from '../../checkpoints/files.ts'
import { clip, isJsonObject, parseJson, showPosition } from '../../checkpoints/json.ts'
import { kindOfWeights } from '../../checkpoints/kind.ts'
import { readSafetensors } from '../../checkpoints/safetensors.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { someOf, type Warn } from '../../checkpoints/warn.ts'
import { CheckpointError } from '../../errors.ts'
import { candidatesIn, partsOf, type Parts } from './parts.ts'

type Tensors = ReadonlyMap<string, StoredTensor>

const INDEX = '.index.json'
/** An index of a hundred thousand tensors takes less. */
const MAX_INDEX = 64 * 2 ** 20
/** What is looked for in a folder, the first that is there. transformers looks in this order, too. */
const KNOWN = [
  'model.safetensors',
  `model.safetensors${INDEX}`,
  'pytorch_model.bin',
  `pytorch_model.bin${INDEX}`,
]

/**
 * The file with the weights, or with the index of their shards, or all parts of one that was split. `wanted`
 * is a name given by the user. The known names are asked for one by one, as a hub answers that for what it
 * has cached without a request.
 */
export async function chooseWeights(
  folder: Folder,
  wanted: string | undefined,
  where: string,
): Promise<Parts> {
  if (wanted !== undefined) return partsOf(wanted, folder)
  for (const name of KNOWN) if (await folder.has(name)) return { where: name, files: [name] }
  const names = await folder.list()
  const found = candidatesIn(names)
  if (found.length === 1) return partsOf(found[0], folder)
  const absence = found.length === 0 ? await folder.absence(KNOWN[0]) : undefined
  if (absence) throw absence
  throw new CheckpointError(
    found.length === 0 ? 'there are no weights' : 'there are several files of weights',
    {
      where,
      expected: `${KNOWN.join(', ')} or one .gguf file`,
      found: show(found.length === 0 ? names : found),
      ...(found.length > 1 && { hint: 'Name one with the option file' }),
    },
  )
}

const show = (names: readonly string[]): string => names.slice(0, 20).join(', ') || 'nothing'

export const isIndex = (file: string): boolean => file.endsWith(INDEX)

/** Reads the headers of safetensors and PyTorch files; values are read when they are asked for. */
export async function readWeights(folder: Folder, { where, files }: Parts, warn: Warn): Promise<Tensors> {
  if (isIndex(where)) return readIndexed(folder, where, warn)
  if (files.length === 1) return readFile(folder, where, warn)
  warn(`[${where}] there is no index of the shards: all ${files.length} are read`)
  const tensors = new Map<string, StoredTensor>()
  for (const file of files) {
    for (const [name, stored] of await readFile(folder, file, warn)) {
      if (tensors.has(name)) {
        throw new CheckpointError('a tensor stands in two shards', { where: `${file}: ${clip(name)}` })
      }
      tensors.set(name, stored)
    }
  }
  return tensors
}

async function readIndexed(folder: Folder, file: string, warn: Warn): Promise<Tensors> {
  const shards = await readIndex(folder, file)
  const opened = new Map<string, Tensors>()
  const tensors = new Map<string, StoredTensor>()
  for (const [name, shard] of shards) {
    if (!opened.has(shard)) opened.set(shard, await readFile(folder, shard, warn))
    const stored = opened.get(shard)!.get(name)
    if (!stored) {
      throw new CheckpointError('the shard lacks a tensor that the index sends there', {
        where: `${clip(shard)}: ${clip(name)}`,
        hint: `${file} does not belong to these files`,
      })
    }
    tensors.set(name, stored)
  }
  for (const [shard, others] of opened) {
    const left = [...others.keys()].filter((name) => shards.get(name) !== shard).map(clip)
    if (left.length > 0) warn(`[${clip(shard)}] the index does not name ${someOf(left)}: not read`)
  }
  return tensors
}

async function readFile(folder: Folder, file: string, warn: Warn): Promise<Tensors> {
  const source = await folder.open(file)
  const kind = await kindOfWeights(source, file)
  if (kind === 'safetensors') return readSafetensors(source, file, warn)
  if (kind === 'pytorch') {
    const { readPytorch } = await import('../../checkpoints/pytorch/index.ts')
    return readPytorch(source, file, warn)
  }
  throw new CheckpointError('a GGUF file is no shard of a model', { where: file })
}

/** Tensor names to files. */
async function readIndex(folder: Folder, file: string): Promise<ReadonlyMap<string, string>> {
  const text = await folder.text(file, MAX_INDEX)
  const fail = (rule: string, offset: number): never => {
    throw new CheckpointError(`${rule} at ${showPosition(text, offset)}`, { where: file })
  }
  const json = parseJson(text, { fail, uniqueKeys: true })
  const map = isJsonObject(json) && Object.hasOwn(json, 'weight_map') ? json['weight_map'] : undefined
  if (!isJsonObject(map)) {
    throw new CheckpointError('the index has no weight_map', { where: file, expected: '"weight_map": { … }' })
  }
  const shards = new Map<string, string>()
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') {
      throw new CheckpointError('a shard must be the name of a file', {
        where: `${file}: ${clip(name)}`,
        found: typeof shard,
      })
    }
    shards.set(name, shard)
  }
  return shards
}
