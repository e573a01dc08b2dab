import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { modelConfig, type ModelOptions } from '../models/config.ts'
import { Model } from '../models/model.ts'
import { LanguageModel } from './language-model.ts'
import { withModel } from './own-device.ts'

export interface CreateOptions extends ModelOptions {
  /** As of `loadModel`: the model ends a device that it opened. */
  readonly device?: AnyDevice | DeviceName | 'auto'
  readonly seed?: number
}

/** Options of a model that takes tokens and says the next one. */
export interface CreateLanguageOptions extends CreateOptions {
  readonly vocabulary: number
  readonly features?: undefined
  readonly classes?: undefined
  readonly outputs?: undefined
}

/**
 * A new model with initial values drawn from `seed`: a language model, unless classes or outputs are asked
 * for.
 */
export function createModel(options: CreateLanguageOptions): Promise<LanguageModel>
export function createModel(options: CreateOptions): Promise<Model>
export async function createModel({ device = 'auto', seed = 0, ...options }: CreateOptions): Promise<Model> {
  const config = modelConfig(options)
  const kind = config.head.kind === 'language' ? LanguageModel : Model
  return withModel(device, (opened) => kind.create(config, opened, seed))
}
