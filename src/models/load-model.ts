import { parseConfigText } from '../checkpoints/config.ts'
import { openFolder } from '../checkpoints/files.ts'
import { readSafetensors } from '../checkpoints/safetensors.ts'
import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { openDevice } from '../devices/open.ts'
import { CheckpointError } from '../errors.ts'
import { Parameters } from '../nn/parameters.ts'
import { sameShape, showShape } from '../tensor/shape.ts'
import type { ModelConfig } from './config.ts'
import { fromHuggingFace } from './hugging-face.ts'
import { Model } from './model.ts'

export interface LoadOptions {
  /** Default: `auto`. */
  readonly device?: AnyDevice | DeviceName | 'auto'
}

/**
 * Opens a folder with `config.json` and `model.safetensors` in the Hugging Face layout of `mamba` or `mamba2`, or one that
 * Sidewinder wrote (a run folder).
 *
 * @throws CheckpointError, ConfigError naming file, tensor or key, what was expected and what was found
 */
export async function loadModel(folder: string, { device = 'auto' }: LoadOptions = {}): Promise<Model> {
  const files = await openFolder(folder)
  const config = fromHuggingFace(parseConfigText(await files.text('config.json'), 'config.json'), 'config.json')
  const weights = await readSafetensors(await files.open('model.safetensors'), 'model.safetensors')
  const opened = typeof device === 'string' ? await openDevice(device) : device
  return buildModel(config, weights, opened, 'model.safetensors')
}
