import type { AnyDevice } from '../devices/device.ts'
import { ShapeError } from '../errors.ts'
import { Random } from '../tensor/random.ts'
import { persistent } from '../tensor/scope.ts'
import { showShape, sizeOf, type Shape } from '../tensor/shape.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'

/** A trained tensor. Its name is its key in `Parameters`, and in checkpoints. */
export interface Parameter {
  readonly tensor: Tensor
  /** Whether AdamW decays it: matrices yes; biases, norms, A_log, D, dt no (the published exclusions). */
  readonly decay: boolean
}

/** Where values come from when a parameter is made: drawn anew, or read from a checkpoint. */
export type ParameterSource = (name: string, shape: Shape, initializer: Initializer) => Float32Array

/** The parameters of a module tree, by checkpoint name. Modules make theirs as they are constructed. */
export class Parameters {
  readonly device: AnyDevice
  readonly #source: ParameterSource
  readonly #prefix: string
  readonly #all: Map<string, Parameter>

  /** With a seed, parameters are initialised; with a source, they are what it gives. */
  constructor(device: AnyDevice, from: { readonly seed: number } | ParameterSource = { seed: 0 }, parent?: ParentOf) {
    this.device = device
    this.#source = typeof from === 'function' ? from : initialising(from.seed)
    this.#prefix = parent?.prefix ?? ''
    this.#all = parent?.all ?? new Map<string, Parameter>()
  }

  /** All parameters of the tree that this is part of. */
  get all(): ReadonlyMap<string, Parameter> {
    return this.#all
  }

  /** The part of the tree under `name`: `at('layers.0').create('norm.weight')` makes `layers.0.norm.weight`. */
  at(name: string): Parameters {
    return new Parameters(this.device, this.#source, { prefix: `${this.#prefix}${name}.`, all: this.#all })
  }

  /** Gives all memory of the tree back. */
  dispose(): void {
    for (const { tensor: each } of this.#all.values()) each.dispose()
  }

  create(name: string, shape: Shape, initializer: Initializer, decay = false): Tensor {
    const key = this.#prefix + name
    const values = this.#source(key, shape, initializer)
    if (values.length !== sizeOf(shape)) {
      throw new ShapeError('wrong number of values', { where: key, expected: showShape(shape), found: values.length })
    }
    const made = persistent(() => tensor(this.device, values, shape))
    this.#all.set(key, { tensor: made, decay })
    return made
  }
}

interface ParentOf {
  readonly prefix: string
  readonly all: Map<string, Parameter>
}

function initialising(seed: number): ParameterSource {
  const random = new Random(seed)
  return (_, shape, initializer) => initializer(shape, random)
}
