/** The model of a run. */
import type { AnyDevice } from '../devices/device.ts'
import { modelConfig, type ModelConfig, type ModelOptions } from '../models/config.ts'
import { Model } from '../models/model.ts'
import type { HeadConfig, InputConfig } from '../models/stack-config.ts'
import type { CompleteSettings } from './settings.ts'

/** Its configuration: what goes in and out is the task's matter. */
export function configOf(
  { architecture, layers, width, state }: CompleteSettings,
  input: InputConfig,
  head: HeadConfig,
): ModelConfig {
  return modelConfig({
    architecture,
    layers,
    width,
    ...(state !== undefined && { stateSize: state }),
    ...input,
    ...headOptions(head),
  })
}

/** A model with initial values drawn from the seed. */
export const createRunModel = (config: ModelConfig, device: AnyDevice, seed: number): Model =>
  Model.create(config, device, seed)

function headOptions(head: HeadConfig): Partial<ModelOptions> {
  switch (head.kind) {
    case 'language':
      return {}
    case 'classifier':
      return { classes: head.classes, ...(head.each && { each: head.each }) }
    case 'regression':
      return { outputs: head.outputs, each: head.each }
    default:
      return head satisfies never
  }
}
