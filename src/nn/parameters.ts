import type { AnyDevice } from '../devices/device.ts'
import { Random } from '../tensor/random.ts'
import { persistent } from '../tensor/scope.ts'
import type { Shape } from '../tensor/shape.ts'
import { empty, tensor, type Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'

/** A trained tensor. Its name is its key in `Parameters`, and in checkpoints. */
export interface Parameter {
  readonly tensor: Tensor
  /** Whether AdamW decays it: matrices yes; biases, norms, A_log, D, dt no (the published exclusions). */
  readonly decay: boolean
}

/** Where values come from when a parameter is made: drawn from a seed, or left to be written from a checkpoint. */
export type ParameterSource = { readonly seed: number } | 'checkpoint'

/** The parameters of a module tree, by checkpoint name. Modules make theirs as they are constructed. */
export class Parameters {
  readonly device: AnyDevice
  readonly #random: Random | undefined
  readonly #prefix: string
  readonly #all: Map<string, Parameter>

  constructor(device: AnyDevice, from: ParameterSource = { seed: 0 }, parent?: Parent) {
    this.device = device
    this.#random = parent ? parent.random : from === 'checkpoint' ? undefined : new Random(from.seed)
    this.#prefix = parent?.prefix ?? ''
    this.#all = parent?.all ?? new Map<string, Parameter>()
  }

  /** All parameters of the tree that this is part of. */
  get all(): ReadonlyMap<string, Parameter> {
    return this.#all
  }

  /** The part of the tree under `name`: `at('layers.0').create('norm.weight')` makes `layers.0.norm.weight`. */
  at(name: string): Parameters {
    const parent = { prefix: `${this.#prefix}${name}.`, all: this.#all, random: this.#random }
    return new Parameters(this.device, 'checkpoint', parent)
  }

  /** Gives all memory of the tree back. */
  dispose(): void {
    for (const { tensor: each } of this.#all.values()) each.dispose()
  }

  /** Makes a parameter. `decay` says whether weight decay applies to it. */
  create(name: string, shape: Shape, initializer: Initializer, decay = false): Tensor {
    const made = persistent(() =>
      this.#random ? tensor(this.device, initializer(shape, this.#random), shape) : empty(this.device, shape),
    )
    this.#all.set(this.#prefix + name, { tensor: made, decay })
    return made
  }
}

interface Parent {
  readonly prefix: string
  readonly all: Map<string, Parameter>
  readonly random: Random | undefined
}
