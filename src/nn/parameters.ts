import type { AnyDevice } from '../devices/device.ts'
import { type PackedFormat, PackedMatrix, type Weight } from '../ops/index.ts'
import { Random } from '../tensor/random.ts'
import { persistent } from '../tensor/scope.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import { empty, tensor, type Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'

/** A trained tensor. Its name is its key in `Parameters`, and in checkpoints. */
export interface Parameter {
  readonly tensor: Tensor
  /** Whether AdamW decays it: matrices yes; biases, norms, A_log, D, dt no (the published exclusions). */
  readonly decay: boolean
}

/** What a checkpoint holds, and how its matrices are to be kept. Values are written once the modules are made. */
export interface StoredParameters {
  /** Whether there is a tensor of this name: where checkpoints differ, modules take what there is. */
  has(name: string): boolean
  /** Throws if the tensor is missing or has another shape: before memory is asked for. */
  expect(name: string, shape: Shape): void
  /** How a matrix [rows, columns] is kept; undefined: as f32. */
  format(name: string, shape: Shape): PackedFormat | undefined
}

/** Where values come from when a parameter is made: drawn from a seed, or to be written from a checkpoint. */
export type ParameterSource = { readonly seed: number } | StoredParameters

/** What the parts of a tree share. */
interface Tree {
  readonly parameters: Map<string, Parameter>
  readonly packed: Map<string, PackedMatrix>
  readonly source: Random | StoredParameters
}

/** The parameters of a module tree, by checkpoint name. Modules make theirs as they are constructed. */
export class Parameters {
  readonly device: AnyDevice
  readonly #tree: Tree
  readonly #prefix: string

  constructor(
    device: AnyDevice,
    from: ParameterSource = { seed: 0 },
    part?: { readonly tree: Tree; readonly prefix: string },
  ) {
    this.device = device
    this.#tree = part?.tree ?? {
      parameters: new Map(),
      packed: new Map(),
      source: 'seed' in from ? new Random(from.seed) : from,
    }
    this.#prefix = part?.prefix ?? ''
  }

  /** All parameters of the tree that this is part of, but those that are packed. */
  get all(): ReadonlyMap<string, Parameter> {
    return this.#tree.parameters
  }

  /** The matrices that are kept in less than 32 bits a number. They cannot be trained. */
  get packed(): ReadonlyMap<string, PackedMatrix> {
    return this.#tree.packed
  }

  /** How many numbers there are. */
  get size(): number {
    let size = 0
    for (const { tensor: each } of this.all.values()) size += each.size
    for (const { shape } of this.packed.values()) size += sizeOf(shape)
    return size
  }

  /** The part of the tree under `name`: `at('layers.0').create('norm.weight')` makes `layers.0.norm.weight`. */
  at(name: string): Parameters {
    return new Parameters(this.device, undefined, {
      tree: this.#tree,
      prefix: `${this.#prefix}${name}.`,
    })
  }

  /** Whether the checkpoint that values come from has `name` here. Without a checkpoint: no. */
  stored(name: string): boolean {
    const { source } = this.#tree
    return !(source instanceof Random) && source.has(this.#prefix + name)
  }

  /** Gives all memory of the tree back. */
  dispose(): void {
    for (const { tensor: each } of this.all.values()) each.dispose()
    for (const each of this.packed.values()) each.dispose()
  }

  /** Makes a parameter. `decay` says whether weight decay applies to it. */
  create(name: string, shape: Shape, initializer: Initializer, decay = false): Tensor {
    const { source, parameters } = this.#tree
    const full = this.#prefix + name
    if (!(source instanceof Random)) source.expect(full, shape)
    const made = persistent(() =>
      source instanceof Random
        ? tensor(this.device, initializer(shape, source), shape)
        : empty(this.device, shape),
    )
    parameters.set(full, { tensor: made, decay })
    return made
  }

  /** Makes the matrix [rows, columns] of a projection or embedding: packed, if the checkpoint is to be kept so. Decays. */
  matrix(name: string, shape: readonly [number, number], initializer: Initializer): Weight {
    const { source, packed } = this.#tree
    const full = this.#prefix + name
    const format = source instanceof Random ? undefined : source.format(full, shape)
    if (source instanceof Random || format === undefined) return this.create(name, shape, initializer, true)
    source.expect(full, shape)
    const made = PackedMatrix.empty(this.device, format, shape)
    packed.set(full, made)
    return made
  }
}
