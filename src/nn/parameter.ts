import type { AnyDevice } from '../devices/device.ts'
import { ConfigError, StateError } from '../errors.ts'
import { PackedMatrix, type PackedFormat, type Weight } from '../ops/index.ts'
import type { Random } from '../tensor/random.ts'
import { persistent } from '../tensor/scope.ts'
import { sizeOf, type Shape } from '../tensor/shape.ts'
import { empty, Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'

/**
 * A second form in which checkpoints publish the same numbers: GGUF holds A where others hold A_log =
 * log(-A).
 */
export interface AlternativeForm {
  /** The name of the parameter in this form. */
  readonly name: string
  /** Values of this form from those of the first. */
  readonly fromFirst: (values: Float32Array) => Float32Array
  /** Values of the first form from those of this one. Throws NumericsError for values that have none. */
  readonly toFirst: (values: Float32Array) => Float32Array
}

/** What a parameter is declared with. */
export interface ParameterOptions {
  readonly init: Initializer
  /**
   * Whether AdamW decays it: matrices yes; biases, norms, A_log, D no (the published exclusions). Default:
   * `packable`.
   */
  readonly decay?: boolean
  /**
   * Whether it is the matrix [rows, columns] of a projection or an embedding, which may be kept in fewer
   * bits. Default: no.
   */
  readonly packable?: boolean
  /** Its name in checkpoints. Default: the name of the module's property, in snake case. */
  readonly name?: string
  readonly alternative?: AlternativeForm
}

/** How the numbers of a parameter are kept in memory. Kernels compute with them in f32. */
export type StoredFormat = 'f32' | PackedFormat

/** Declares a parameter of the module that has it as a property. Nothing is allocated before `place`. */
export function parameter(shape: Shape, options: ParameterOptions): Parameter {
  return new Parameter(shape, options)
}

/** A trained tensor of a module: first a declaration, then also a place in a device's memory. */
export class Parameter {
  readonly shape: Shape
  readonly init: Initializer
  readonly decay: boolean
  readonly packable: boolean
  readonly alternative: AlternativeForm | undefined
  readonly #name: string | undefined
  #inAlternative = false
  #value: Weight | undefined

  constructor(
    shape: Shape,
    { init, packable = false, decay = packable, name, alternative }: ParameterOptions,
  ) {
    this.shape = shape
    this.init = init
    this.decay = decay
    this.packable = packable
    this.alternative = alternative
    this.#name = name
  }

  /** The name in checkpoints, in the form that is kept; undefined if it is that of the property. */
  get name(): string | undefined {
    return this.#inAlternative ? this.alternative!.name : this.#name
  }

  /** Whether the values are those of the alternative form. */
  get inAlternative(): boolean {
    return this.#inAlternative
  }

  /** The path of the alternative form, from that of the first form; undefined if there is none. */
  alternativePath(path: string): string | undefined {
    return this.alternative && path.replace(/[^.]+$/, this.alternative.name)
  }

  /** Number of numbers. */
  get size(): number {
    return sizeOf(this.shape)
  }

  /** How it is kept in memory. Before it is placed: f32. */
  get stored(): StoredFormat {
    return this.#value instanceof PackedMatrix ? this.#value.format : 'f32'
  }

  /** Bytes on the device. */
  get bytes(): number {
    return this.#value instanceof PackedMatrix ? this.#value.bytes : 4 * this.size
  }

  /** What products and look-ups take: the tensor, or the packed matrix. Throws StateError before `place`. */
  get value(): Weight {
    if (this.#value) return this.#value
    throw new StateError('the parameter has no values yet', {
      where: this.name ?? 'parameter',
      hint: 'Place the module on a device first: place(module, device, { seed: 0 })',
    })
  }

  /** The f32 tensor. Throws StateError before `place`, ConfigError if the matrix is packed. */
  get tensor(): Tensor {
    const { value } = this
    if (value instanceof Tensor) return value
    throw new ConfigError('the values are packed', {
      where: this.name ?? 'parameter',
      expected: 'f32',
      found: value.format,
      hint: "Load the model with { weights: 'f32' }",
    })
  }

  /** The device it is placed on. Throws StateError before `place`. */
  get device(): AnyDevice {
    const { value } = this
    return value instanceof Tensor ? value.device : value.words.device
  }

  /** Keeps the values in the alternative form: to be called before `place`. */
  useAlternative(): void {
    if (!this.alternative || this.#value)
      throw new StateError('the form of a parameter is chosen before it is placed')
    this.#inAlternative = true
  }

  /** Allocates it with initial values drawn from `random`; see `place`. */
  draw(device: AnyDevice, random: Random): void {
    this.#expectUnplaced()
    // Memory first: a device says how much there is, where a host array of that size could not be made.
    const value = persistent(() => empty(device, this.shape))
    try {
      value.write(this.init(this.shape, random))
    } catch (error) {
      value.dispose()
      throw error
    }
    this.#value = value
  }

  /** Allocates it without values, packed if a format is given; see `place`. */
  allocate(device: AnyDevice, format: PackedFormat | undefined): void {
    this.#expectUnplaced()
    this.#value = format
      ? PackedMatrix.empty(device, format, this.shape as [number, number])
      : persistent(() => empty(device, this.shape))
  }

  /** Gives the memory back. The parameter is a mere declaration again. */
  dispose(): void {
    this.#value?.dispose()
    this.#value = undefined
  }

  #expectUnplaced(): void {
    if (this.#value)
      throw new StateError('the parameter is placed already', { where: this.name ?? 'parameter' })
  }
}
