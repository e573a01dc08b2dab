/** The weights of a model folder: which files they are in, whatever the format, as one map of tensors. */
import { clip, isJsonObject, parseJson, showPosition } from '../../checkpoints/json.ts'
import type { Folder } from '../../checkpoints/files.ts'
import { readSafetensors } from '../../checkpoints/safetensors.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError } from '../../errors.ts'

type Tensors = ReadonlyMap<string, StoredTensor>

const INDEX = '.index.json'
/** What is looked for in a folder, the first that is there. transformers looks in this order, too. */
const KNOWN = [
  'model.safetensors',
  `model.safetensors${INDEX}`,
  'pytorch_model.bin',
  `pytorch_model.bin${INDEX}`,
]

/**
 * The file with the weights, or with the index of their shards. `wanted` is a name given by the user. The
 * known names are asked for one by one, as a hub answers that for what it has cached without a request.
 */
export async function chooseWeights(
  folder: Folder,
  wanted: string | undefined,
  where: string,
): Promise<string> {
  if (wanted !== undefined) return wanted
  for (const name of KNOWN) if (await folder.has(name)) return name
  const names = await folder.list()
  const single = ['.gguf', '.safetensors'].map((ending) => names.filter((name) => name.endsWith(ending)))
  const found = single.find((files) => files.length > 0) ?? []
  if (found.length === 1) return found[0]
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

/** Reads the headers of the weights; values are read when they are asked for. */
export async function readWeights(folder: Folder, file: string): Promise<Tensors> {
  if (!file.endsWith(INDEX)) return readFile(folder, file)
  const shards = await readIndex(folder, file)
  const opened = new Map<string, Tensors>()
  const tensors = new Map<string, StoredTensor>()
  for (const [name, shard] of shards) {
    if (!opened.has(shard)) opened.set(shard, await readFile(folder, shard))
    const stored = opened.get(shard)!.get(name)
    if (!stored) {
      throw new CheckpointError('the shard lacks a tensor that the index sends there', {
        where: `${clip(shard)}: ${clip(name)}`,
        hint: `${file} does not belong to these files`,
      })
    }
    tensors.set(name, stored)
  }
  return tensors
}

async function readFile(folder: Folder, file: string): Promise<Tensors> {
  const source = await folder.open(file)
  if (!/\.(bin|pt|pth)$/.test(file)) return readSafetensors(source, file)
  const { readPytorch } = await import('../../checkpoints/pytorch/index.ts')
  return readPytorch(source, file)
}

/** Tensor names to files. */
async function readIndex(folder: Folder, file: string): Promise<ReadonlyMap<string, string>> {
  const text = await folder.text(file)
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
