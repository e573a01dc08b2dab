/**
 * A model as it lies in files of any format: its configuration, and its tensors by the names of model
 * parameters.
 */
import * as v from 'valibot'
import { optionsOf, word, type Declared } from '../../check.ts'
import { parseConfigText } from '../../checkpoints/config.ts'
import { openFolder, type Folder } from '../../checkpoints/files.ts'
import { parseHubId } from '../../checkpoints/hub/id.ts'
import type { HubOptions } from '../../checkpoints/hub/index.ts'
import type { FileLike } from '../../checkpoints/source.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError } from '../../errors.ts'
import { isNode, stat } from '../../platform.ts'
import { bytesIfSo } from '../../tokenizers/text/bytes.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import type { ModelConfig } from '../config.ts'
import { readLayout } from '../layouts/layout.ts'
import { readConfig, readGgufConfig } from '../published.ts'
import { Stack } from '../stack.ts'
import { chooseWeights, readWeights } from './weights.ts'

const CONFIG = 'config.json'

/**
 * Where a model is: a folder or a file on disk (Node), a hub id `organisation/name[@revision]`, or files in
 * memory by name (from a file picker, say).
 */
export type ModelSource = string | ReadonlyMap<string, FileLike>

/** What says which files are meant. */
export interface SourceOptions {
  /** The file with the weights, where a folder or repository has several: `model-q8_0.gguf`. */
  readonly file?: string | undefined
  /** For hub ids: endpoint, token, cache, progress. */
  readonly hub?: HubOptions | undefined
}

export const SOURCE: Declared<SourceOptions> = {
  file: word('the name of a file'),
  // The hub looks at its options when it is asked.
  hub: v.custom<HubOptions>((value) => typeof value === 'object' && value !== null, 'options of the hub'),
}

const readOptions = optionsOf<SourceOptions>(SOURCE)

/** A model in files: its configuration and its tensors. */
export interface Checkpoint {
  /** What errors call the weights. */
  readonly where: string
  readonly config: ModelConfig
  /** By the names of model parameters; values are read when they are asked for. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** undefined if there is none. */
  tokenizer(): Promise<Tokenizer | undefined>
}

/**
 * Opens a model in the Hugging Face layout, in that of state-spaces, in a GGUF file, or one that Sidewinder
 * wrote. Which models each layout has is in `architectures/`. Only headers are read.
 *
 * @throws CheckpointError, ConfigError naming file, tensor or key, what was expected and what was found
 */
export async function openCheckpoint(source: ModelSource, options: SourceOptions = {}): Promise<Checkpoint> {
  const { folder, file, where } = await locate(source, readOptions(options, 'openCheckpoint'))
  const weights = await chooseWeights(folder, file, where)
  if (weights.endsWith('.gguf')) return openGguf(folder, weights)
  const { config, layout } = readConfig(parseConfigText(await folder.text(CONFIG), CONFIG), CONFIG)
  const tensors = readLayout(new Stack(config), layout, await readWeights(folder, weights), weights)
  return {
    where: weights,
    config,
    tensors,
    tokenizer: async () =>
      (await import('../../tokenizers/definition/hugging-face.ts')).readTokenizer(folder),
  }
}

/** The tokenizer of a checkpoint, or bytes if it has a vocabulary of as many. */
export async function tokenizerOf(checkpoint: Checkpoint): Promise<Tokenizer | undefined> {
  return (await checkpoint.tokenizer()) ?? bytesIfSo(checkpoint.config.input)
}

async function openGguf(folder: Folder, file: string): Promise<Checkpoint> {
  const { readGguf } = await import('../../checkpoints/gguf/index.ts')
  const { metadata, typedMetadata, tensors } = await readGguf(await folder.open(file), file)
  const { config, layout } = readGgufConfig(metadata, tensors, file)
  return {
    where: file,
    config,
    tensors: readLayout(new Stack(config), layout, tensors, file),
    tokenizer: async () =>
      (await import('../../tokenizers/gguf/gguf.ts')).ggufTokenizer(metadata, file, typedMetadata),
  }
}

interface Located {
  readonly folder: Folder
  readonly file: string | undefined
  readonly where: string
}

async function locate(source: ModelSource, { file, hub }: SourceOptions): Promise<Located> {
  if (typeof source !== 'string') return { folder: await openFolder(source), file, where: 'files' }
  const kind = await kindOnDisk(source)
  if (kind === 'folder') return { folder: await openFolder(source), file, where: source }
  if (kind === 'file') {
    const [, parent, name] = /^(.*?)([^/\\]+)$/.exec(source)!
    return { folder: await openFolder(parent === '' ? '.' : parent), file: name, where: source }
  }
  if (!parseHubId(source)) {
    throw new CheckpointError('no such model', {
      where: source,
      expected: 'a folder, a file, or a hub id such as state-spaces/mamba-130m-hf',
    })
  }
  const { openHub } = await import('../../checkpoints/hub/index.ts')
  return { folder: await openHub(source, hub), file, where: source }
}

async function kindOnDisk(path: string): Promise<'folder' | 'file' | undefined> {
  if (!isNode) return undefined
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ? 'folder' : found?.isFile() ? 'file' : undefined
}
