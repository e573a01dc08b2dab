import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { openDevice } from '../ops/open-device.ts'
import { buildModel, type BuildOptions } from '../models/files/fill.ts'
import {
  openCheckpoint,
  type Checkpoint,
  type ModelSource,
  type SourceOptions,
} from '../models/files/open.ts'
import { LanguageModel } from './language-model.ts'

export interface LoadOptions extends SourceOptions, BuildOptions {
  /** Default: `auto`. */
  readonly device?: AnyDevice | DeviceName | 'auto'
}

/**
 * Opens a model: a folder, a file, a hub id `organisation/name[@revision]`, or files in memory. Formats: safetensors (also in
 * shards), `pytorch_model.bin`, GGUF; architectures: `mamba`, `mamba2`, `falcon_mamba`, the layouts of state-spaces, and what
 * Sidewinder wrote.
 *
 * @throws CheckpointError, ConfigError naming file, tensor or key, what was expected and what was found
 */
export async function loadModel(
  source: ModelSource,
  { device = 'auto', ...options }: LoadOptions = {},
): Promise<LanguageModel> {
  const checkpoint = await openCheckpoint(source, options)
  const opened = typeof device === 'string' ? await openDevice(device) : device
  try {
    return await loadCheckpoint(checkpoint, opened, options)
  } catch (error) {
    if (opened !== device) opened.destroy()
    throw error
  }
}

/** The model of an open checkpoint. */
async function loadCheckpoint(
  checkpoint: Checkpoint,
  device: AnyDevice,
  options: BuildOptions = {},
): Promise<LanguageModel> {
  const tokenizer = await checkpoint.tokenizer()
  const make = (parameters: LanguageModel['parameters']): LanguageModel =>
    new LanguageModel(checkpoint.config, parameters, tokenizer)
  return buildModel(make, checkpoint, device, options)
}
