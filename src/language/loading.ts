/** The public door of loading: a page that has not asked for a model yet has not got what reads one. */
import type { ModelSource } from '../models/files/open.ts'
import type { Model } from '../models/model.ts'
import type { LanguageModel } from './language-model.ts'
import type { LoadOptions } from './load-model.ts'

/**
 * Opens a language model: a folder, a file, a hub id `organisation/name[@revision]`, or files in memory.
 * Formats: safetensors (also in shards), `pytorch_model.bin`, GGUF. README.md says which models each of them
 * may hold.
 *
 * @throws CheckpointError, ConfigError naming file, tensor or key, what was expected and what was found
 */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  return (await import('./load-model.ts')).loadModel(source, options)
}

/**
 * Opens a model with any head: a classifier or a regressor, say. Sources and errors are those of `loadModel`;
 * tokenizers are not read.
 */
export async function loadSequenceModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return (await import('./load-model.ts')).loadSequenceModel(source, options)
}
