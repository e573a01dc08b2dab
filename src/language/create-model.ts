import type { AnyDevice, DeviceName } from '../devices/device.ts'
import { openDevice } from '../ops/open-device.ts'
import { modelConfig, type ModelOptions } from '../models/config.ts'
import { Parameters } from '../nn/parameters.ts'
import { LanguageModel } from './language-model.ts'

export interface CreateOptions extends ModelOptions {
  readonly device?: AnyDevice | DeviceName | 'auto'
  readonly seed?: number
}

/** A new model with initial values drawn from `seed`. */
export async function createModel({
  device = 'auto',
  seed = 0,
  ...options
}: CreateOptions): Promise<LanguageModel> {
  const config = modelConfig(options)
  const opened = typeof device === 'string' ? await openDevice(device) : device
  return new LanguageModel(config, new Parameters(opened, { seed }))
}
