/** The parameters that a configuration asks for, without memory for them: to convert models larger than memory, and to count. */
import { choicesFor } from '../../devices/choices.ts'
import type { Arena, Device, HostArray, LaunchList } from '../../devices/device.ts'
import { Storage } from '../../devices/device.ts'
import { DeviceError } from '../../errors.ts'
import { Parameters, type StoredParameters } from '../../nn/parameters.ts'
import type { Shape } from '../../tensor/shape.ts'
import type { ModelConfig } from '../config.ts'
import { Model } from '../model.ts'

export interface PlannedParameter {
  readonly shape: Shape
  /** Matrices of projections and embeddings: what may be quantised. */
  readonly matrix: boolean
}

/** Parameters by name. What `stored` says of a checkpoint is checked on the way. */
export function planParameters(config: ModelConfig, stored: StoredParameters): Map<string, PlannedParameter> {
  const matrices = new Set<string>()
  const noting: StoredParameters = {
    has: (name) => stored.has(name),
    expect: (name, shape) => stored.expect(name, shape),
    format(name) {
      matrices.add(name)
      return undefined
    },
  }
  const { parameters } = new Model(config, new Parameters(new PlanningDevice(), noting))
  return new Map(
    [...parameters.all].map(([name, { tensor }]) => [
      name,
      { shape: tensor.shape, matrix: matrices.has(name) },
    ]),
  )
}

/** A size, and nothing behind it. */
class Nothing extends Storage {
  protected recycle(): void {}
}

const nothing: Arena = {
  allocate: (size, dtype = 'f32') => new Nothing(size, dtype),
  reservedBytes: 0,
  usedBytes: 0,
  peakBytes: 0,
  resetPeak() {},
  destroy() {},
}

/** Hands out shapes. Whatever would need values is an error. */
class PlanningDevice implements Device {
  readonly name = 'reference'
  readonly description = 'shapes without values'
  readonly heap = nothing
  readonly arena = nothing
  readonly choices = choicesFor('reference')
  readonly offsetAlignment = 1
  createArena = (): Arena => nothing
  write = (): never => refuse()
  read = (): Promise<HostArray> => refuse()
  run = (): never => refuse()
  record = (): LaunchList => refuse()
  replay = (): never => refuse()
  synchronize = (): Promise<void> => Promise.resolve()
  destroy(): void {}
}

function refuse(): never {
  throw new DeviceError('a plan has no values')
}
