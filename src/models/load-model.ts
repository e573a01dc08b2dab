import { parseConfigText } from '../checkpoints/config.ts'
import { openFolder } from '../checkpoints/files.ts'
import { readSafetensors, type StoredTensor } from '../checkpoints/safetensors.ts'
import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { openDevice } from '../devices/open.ts'
import { CheckpointError } from '../errors.ts'
import { Parameters } from '../nn/parameters.ts'
import { sameShape, showShape } from '../tensor/shape.ts'
import type { ModelConfig } from './config.ts'
import { fromHuggingFace } from './hugging-face.ts'
import { Model } from './model.ts'

const WEIGHTS = 'model.safetensors'

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
  const config = fromHuggingFace(
    parseConfigText(await files.text('config.json'), 'config.json'),
    'config.json',
  )
  const weights = await readSafetensors(await files.open(WEIGHTS), WEIGHTS)
  const opened = typeof device === 'string' ? await openDevice(device) : device
  return buildModel(config, weights, opened, WEIGHTS)
}

/** Makes the model and fills it, one tensor at a time. Missing, misshapen and unknown tensors are errors. */
export async function buildModel(
  config: ModelConfig,
  weights: ReadonlyMap<string, StoredTensor>,
  device: AnyDevice,
  where: string,
): Promise<Model> {
  const model = new Model(config, new Parameters(device, 'checkpoint'))
  try {
    const expected = model.parameters.all
    for (const name of weights.keys()) {
      // Some writers store a tied head beside the embedding that it is.
      if (expected.has(name) || (config.tieEmbeddings && name === 'lm_head.weight')) continue
      throw new CheckpointError('unknown tensor', {
        where: `${where}: ${name}`,
        hint: 'Does config.json belong to these weights?',
      })
    }
    for (const [name, { tensor }] of expected) {
      const stored = weights.get(name)
      if (!stored) {
        throw new CheckpointError('missing tensor', { where, expected: `${name} ${showShape(tensor.shape)}` })
      }
      if (!sameShape(stored.shape, tensor.shape)) {
        throw new CheckpointError('wrong shape', {
          where: `${where}: ${name}`,
          expected: showShape(tensor.shape),
          found: showShape(stored.shape),
        })
      }
      const values = await stored.read()
      tensor.write(values instanceof Float32Array ? values : Float32Array.from(values))
    }
    return model
  } catch (error) {
    model.dispose()
    throw error
  }
}
