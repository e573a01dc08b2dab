/**
 * A model as it lies in files of any format: its configuration, and its tensors by the names of model
 * parameters.
 */
import * as v from 'valibot'
import { abortSignal, callback, optionsOf, word, type Declared } from '../../check.ts'
import { parseConfigText } from '../../checkpoints/config.ts'
import { MAX_CONFIG, type Folder } from '../../checkpoints/files.ts'
import type { HubOptions } from '../../checkpoints/hub/index.ts'
import { kindOfWeights } from '../../checkpoints/kind.ts'
import type { FileSource } from '../../checkpoints/source.ts'
import type { StoredTensor } from '../../checkpoints/stored.ts'
import { warnOnConsole, type Warn } from '../../checkpoints/warn.ts'
import { CheckpointError, SidewinderError } from '../../errors.ts'
import { bytesIfSo } from '../../tokenizers/text/bytes.ts'
import type { Tokenizer } from '../../tokenizers/tokenizer.ts'
import type { ModelConfig } from '../config.ts'
import { readConfig, readGgufConfig, type SpecialTokens } from '../published.ts'
import type { ModelSource } from './given.ts'
import { locate } from './locate.ts'
import type { Parts } from './parts.ts'
import { specialOfGguf, specialTokens } from './special.ts'
import { settle } from './settle.ts'
import { chooseWeights, isIndex, readWeights } from './weights.ts'

export type { ModelSource } from './given.ts'

const CONFIG = 'config.json'
/** As Mistral publishes Codestral-Mamba. */
const PARAMS = 'params.json'
const GENERATION = 'generation_config.json'
const TOKENIZER = 'tokenizer.json'
/** What says how texts become tokens and are drawn: kept as it is where a model is written again. */
const BESIDE = [
  TOKENIZER,
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
  'vocab.txt',
  'tokenizer.model',
  'chat_template.jinja',
  GENERATION,
]

/** What says which files are meant. */
export interface SourceOptions {
  /** The file with the weights, where a folder or repository has several: `model-q8_0.gguf`. */
  readonly file?: string | undefined
  /** For hub ids: endpoint, token, cache, progress. */
  readonly hub?: HubOptions | undefined
  /**
   * Told of what is in the files and is not heard, or not as it should be: a sentence that names file and
   * part. Default: `console.warn`.
   */
  readonly onWarning?: Warn | undefined
  /** Ends what is read or loaded: the reason of the signal is thrown. */
  readonly signal?: AbortSignal | undefined
}

export const SOURCE: Declared<SourceOptions> = {
  file: word('the name of a file'),
  // The hub looks at its options when it is asked.
  hub: v.custom<HubOptions>((value) => typeof value === 'object' && value !== null, 'options of the hub'),
  onWarning: callback,
  signal: abortSignal,
}

const readOptions = optionsOf<SourceOptions>(SOURCE)

/** A model in files: its configuration and its tensors. */
export interface Checkpoint {
  /** What errors call the weights. */
  readonly where: string
  readonly config: ModelConfig
  /** By the names of model parameters; values are read when they are asked for. */
  readonly tensors: ReadonlyMap<string, StoredTensor>
  /** The tokens that begin, end and fill texts, as the files beside the tokenizer say it. */
  readonly special: SpecialTokens
  /**
   * undefined if there is none.
   *
   * @throws CheckpointError, ConfigError if it cannot be read: the weights can be, all the same
   */
  tokenizer(): Promise<Tokenizer | undefined>
  /** The files of tokenizer and generation, as they are, by name. */
  beside(): Promise<ReadonlyMap<string, FileSource>>
}

/**
 * Opens a model in the Hugging Face layout, in that of state-spaces or Mistral, in GGUF files, or one that
 * Sidewinder wrote. Which models each layout has is in `architectures/`. Only headers are read, and a head
 * that stands beside the embedding which it should be.
 *
 * @throws CheckpointError, ConfigError naming file, tensor or key, what was expected and what was found
 */
export async function openCheckpoint(source: ModelSource, options: SourceOptions = {}): Promise<Checkpoint> {
  const { onWarning: warn = warnOnConsole, ...wanted } = readOptions(options, 'openCheckpoint')
  const { folder, file, where } = await locate(source, wanted, warn)
  const parts = await chooseWeights(folder, file, where)
  // A configuration that is refused must not cost a download of the weights.
  const name = /\.gguf$/i.test(parts.where) ? undefined : await configName(folder)
  const json = name === undefined ? undefined : await configIn(folder, name)
  const published = json && readConfig(json, name!, warn)
  if (await isGguf(folder, parts)) return openGguf(folder, parts, warn)
  if (!published) {
    throw (await folder.absence(CONFIG)) ?? new CheckpointError('the file is missing', { where: CONFIG })
  }
  const files = await readWeights(folder, parts, warn)
  const generation = (await folder.has(GENERATION)) ? await generationIn(folder, warn) : undefined
  const { config, tensors } = await settle(published, files, parts.where, warn)
  return {
    where: parts.where,
    config,
    tensors,
    special: specialTokens(json, generation, vocabularyOf(config), warn),
    tokenizer: () => tokenizerIn(folder, config, warn),
    beside: () => filesIn(folder, BESIDE),
  }
}

const configIn = async (folder: Folder, name: string): Promise<Readonly<Record<string, unknown>>> =>
  parseConfigText(await folder.text(name, MAX_CONFIG), name)

/** The configuration of generation is no part of the model: it is left out if it cannot be read. */
async function generationIn(folder: Folder, warn: Warn): Promise<ReturnType<typeof configIn> | undefined> {
  try {
    return await configIn(folder, GENERATION)
  } catch (error) {
    if (!(error instanceof SidewinderError)) throw error
    warn(`${error.message}. The file is left out`)
    return undefined
  }
}

const vocabularyOf = ({ input }: ModelConfig): number => ('vocabulary' in input ? input.vocabulary : 0)

/** Told by the first bytes, for which a hub loads the file. */
async function isGguf(folder: Folder, { where, files }: Parts): Promise<boolean> {
  return !isIndex(where) && (await kindOfWeights(await folder.open(files[0]), files[0])) === 'gguf'
}

/** The name of the configuration; undefined if there is none, as beside a GGUF file. */
async function configName(folder: Folder): Promise<string | undefined> {
  for (const name of [CONFIG, PARAMS]) if (await folder.has(name)) return name
  return undefined
}

async function tokenizerIn(folder: Folder, config: ModelConfig, warn: Warn): Promise<Tokenizer | undefined> {
  const { readTokenizer } = await import('../../tokenizers/definition/hugging-face.ts')
  const tokenizer = await readTokenizer(folder, warn)
  // A model of bytes needs none.
  if (tokenizer || bytesIfSo(config.input)) return tokenizer
  const absence = await folder.absence(TOKENIZER)
  if (absence) throw absence
  return undefined
}

async function filesIn(folder: Folder, names: readonly string[]): Promise<ReadonlyMap<string, FileSource>> {
  const files = new Map<string, FileSource>()
  for (const name of names) {
    if (await folder.has(name)) files.set(name, await folder.open(name))
  }
  return files
}

/** A tokenizer, or why it cannot be read. */
export interface OptionalTokenizer {
  /** undefined: there is none, or it cannot be read. */
  readonly tokenizer: Tokenizer | undefined
  /** Why it cannot be read. */
  readonly problem: SidewinderError | undefined
}

/**
 * The tokenizer of a checkpoint, or bytes if it has a vocabulary of as many. One that cannot be read is a
 * warning: a model takes ids without it.
 */
export async function optionalTokenizer(
  checkpoint: Pick<Checkpoint, 'tokenizer' | 'config'>,
  warn: Warn = warnOnConsole,
): Promise<OptionalTokenizer> {
  try {
    const tokenizer = (await checkpoint.tokenizer()) ?? bytesIfSo(checkpoint.config.input)
    return { tokenizer, problem: undefined }
  } catch (error) {
    if (!(error instanceof SidewinderError)) throw error
    warn(`the tokenizer cannot be read, so that the model takes token ids alone: ${error.message}`)
    return { tokenizer: undefined, problem: error }
  }
}

async function openGguf(folder: Folder, { where, files }: Parts, warn: Warn): Promise<Checkpoint> {
  const { readGgufParts } = await import('../../checkpoints/gguf/index.ts')
  const { metadata, typedMetadata, tensors, broken } = await readGgufParts(folder, files, warn)
  const published = readGgufConfig(metadata, tensors, where)
  const settled = await settle(published, tensors, where, warn)
  return {
    where,
    ...settled,
    special: specialOfGguf(metadata, where, vocabularyOf(settled.config), warn),
    async tokenizer() {
      const garbled = [...broken].find((key) => key.startsWith('tokenizer.'))
      if (garbled !== undefined) {
        throw new CheckpointError('the text is not UTF-8', { where: `${where}: ${garbled}` })
      }
      return (await import('../../tokenizers/gguf/gguf.ts')).ggufTokenizer(metadata, where, typedMetadata)
    },
    beside: () => Promise.resolve(new Map()),
  }
}
