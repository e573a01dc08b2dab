import { optionsOf, seed as anySeed } from '../check.ts'
import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { MODEL_OPTIONS, modelConfig, type ModelOptions } from '../models/config.ts'
import { Model } from '../models/model.ts'
import { LanguageModel } from './language-model.ts'
import { withModel } from './own-device.ts'
import { DEVICE } from '../ops/open-device.ts'

export interface CreateOptions extends ModelOptions {
  /** As of `loadModel`: the model ends a device that it opened. */
  readonly device?: AnyDevice | DeviceName | 'auto'
  /** A whole number up to 2^53 - 1. Default: 0. */
  readonly seed?: number
}

/** Options of a model that takes tokens and says the next one. */
export interface CreateLanguageOptions extends CreateOptions {
  readonly vocabulary: number
  readonly features?: never
  readonly classes?: never
  readonly outputs?: never
}

const readOptions = optionsOf<CreateOptions>({ ...MODEL_OPTIONS, device: DEVICE, seed: anySeed })

/**
 * A new model with initial values drawn from `seed`: a language model, unless classes or outputs are asked
 * for.
 */
export function createModel(options: CreateLanguageOptions): Promise<LanguageModel>
export function createModel(options: CreateOptions): Promise<Model>
export async function createModel(options: CreateOptions): Promise<Model> {
  const { device = 'auto', seed = 0, ...model } = readOptions(options, 'createModel')
  const config = modelConfig(model)
  const kind = config.head.kind === 'language' ? LanguageModel : Model
  return withModel(device, (opened) => kind.create(config, opened, seed))
}
