import { optionsOf } from '../check.ts'
import type { Warn } from '../checkpoints/warn.ts'
import { untilUnchanged } from '../checkpoints/files.ts'
import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { ConfigError } from '../errors.ts'
import { BUILD, fillStack, type BuildOptions } from '../models/files/fill.ts'
import { DEVICE } from '../ops/open-device.ts'
import { withModel } from './own-device.ts'
import {
  openCheckpoint,
  optionalTokenizer,
  SOURCE,
  type Checkpoint,
  type ModelSource,
  type SourceOptions,
} from '../models/files/open.ts'
import { Model } from '../models/model.ts'
import { LanguageModel } from './language-model.ts'

/** How a model is found, and how it is kept in memory. */
export interface LoadOptions extends SourceOptions, BuildOptions {
  /**
   * A device, or the name of one to open. The model ends a device that it opened when it is disposed; one
   * that was given stays its owner's. Default: `auto`.
   */
  readonly device?: AnyDevice | DeviceName | 'auto'
}

const readOptions = optionsOf<LoadOptions>({ ...SOURCE, ...BUILD, device: DEVICE })

/**
 * Opens a language model: a folder, a file, a hub id `organisation/name[@revision]`, or files in memory.
 * Formats: safetensors (also in shards), `pytorch_model.bin`, GGUF. README.md says which models each of them
 * may hold.
 *
 * @throws CheckpointError, ConfigError naming file, tensor or key, what was expected and what was found
 */
export function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  return load(source, options, async (checkpoint, device, build, onWarning) => {
    const { kind } = checkpoint.config.head
    if (kind !== 'language') {
      throw new ConfigError('not a language model', {
        where: checkpoint.where,
        found: kind,
        hint: 'Open it with loadSequenceModel',
      })
    }
    const { config, special } = checkpoint
    const { tokenizer, problem } = await optionalTokenizer(checkpoint, onWarning)
    return new LanguageModel(config, await fillStack(checkpoint, device, build), tokenizer, {
      special,
      problem,
    })
  })
}

/**
 * Opens a model with any head: a classifier or a regressor, say. Sources and errors are those of `loadModel`;
 * tokenizers are not read.
 */
export function loadSequenceModel(source: ModelSource, options: LoadOptions = {}): Promise<Model> {
  return load(source, options, async (checkpoint, device, build) => {
    return new Model(checkpoint.config, await fillStack(checkpoint, device, build))
  })
}

async function load<M extends Model>(
  source: ModelSource,
  given: LoadOptions,
  build: (checkpoint: Checkpoint, device: AnyDevice, options: BuildOptions, onWarning?: Warn) => Promise<M>,
): Promise<M> {
  const { device = 'auto', file, hub, onWarning, ...options } = readOptions(given, 'loadModel')
  return untilUnchanged(async () => {
    const checkpoint = await openCheckpoint(source, { file, hub, onWarning })
    return withModel(device, (opened) => build(checkpoint, opened, options, onWarning))
  })
}
