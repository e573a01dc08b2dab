/**
 * What layers and models are made of: trees of modules that declare their parameters and states, without a
 * device.
 */
import type { AnyDevice } from '../devices/device.ts'
import { ConfigError, StateError } from '../errors.ts'
import type { PackedFormat } from '../ops/index.ts'
import { Random } from '../tensor/random.ts'
import { persistent } from '../tensor/scope.ts'
import type { Shape } from '../tensor/shape.ts'
import { tensor, type Tensor } from '../tensor/tensor.ts'
import type { Initializer } from './initializers.ts'
import { Parameter } from './parameter.ts'

/**
 * A part of a model. Its children, parameters and constants are its properties: modules, arrays of modules,
 * `parameter(…)` and `constant(…)`. Their names in checkpoints are those of the properties in snake case. A
 * constructor declares; `place` allocates.
 */
export abstract class Module {
  /** The device that it was placed on. Throws StateError before that, and for a module without parameters. */
  get device(): AnyDevice {
    const [first] = walk(this)
    if (first) return first.parameter.device
    throw new StateError('the module has no parameters', { where: 'device' })
  }
}

/** A tensor that is neither trained nor saved. */
export class Constant {
  readonly shape: Shape
  readonly init: Initializer
  #tensor: Tensor | undefined

  constructor(shape: Shape, init: Initializer) {
    this.shape = shape
    this.init = init
  }

  /** Its values. Throws StateError before `place`. */
  get tensor(): Tensor {
    if (this.#tensor) return this.#tensor
    throw new StateError('the module is not placed on a device', { where: 'constant' })
  }

  /** Gives it memory and its values; `place` calls this. */
  allocate(device: AnyDevice): void {
    this.#tensor = persistent(() => tensor(device, this.init(this.shape, new Random(0)), this.shape))
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#tensor?.dispose()
    this.#tensor = undefined
  }
}

/** Declares a constant of the module that has it as a property. */
export function constant(shape: Shape, init: Initializer): Constant {
  return new Constant(shape, init)
}

/** A part of a tree. */
export interface Located {
  /** From the root of the tree: `backbone.layers.0.mixer.in_proj`. */
  readonly path: string
  readonly part: Module | Parameter | Constant
  /** The module that has the part as a property; of the root, the root. */
  readonly owner: Module
}

/**
 * All modules, parameters and constants of a tree, depth first, in the order of declaration; shared ones each
 * time.
 */
export function* walkParts(root: Module, path = '', owner = root): Generator<Located, void, void> {
  yield { path, part: root, owner }
  for (const [property, value] of Object.entries(root)) {
    const at = (name: string): string => (path === '' ? name : `${path}.${name}`)
    if (value instanceof Parameter)
      yield { path: at(value.name ?? snakeCase(property)), part: value, owner: root }
    else if (value instanceof Constant) yield { path: at(snakeCase(property)), part: value, owner: root }
    else if (value instanceof Module) yield* walkParts(value, at(snakeCase(property)), root)
    else if (Array.isArray(value)) {
      for (const [i, child] of value.entries()) {
        if (child instanceof Module) yield* walkParts(child, at(`${snakeCase(property)}.${i}`), root)
      }
    }
  }
}

/** A parameter of a tree. */
export interface Walked {
  /** Its first name, which checkpoints are written with. */
  readonly path: string
  /** All its names: more than one if a module or parameter is used in several places. */
  readonly paths: readonly string[]
  readonly parameter: Parameter
}

/**
 * The parameters of a tree, each once, in the order of declaration.
 *
 * @throws ConfigError if two parameters have one name
 */
export function walk(root: Module): Walked[] {
  const names = new Map<Parameter, string[]>()
  const owners = new Map<string, Parameter>()
  for (const { path, part } of walkParts(root)) {
    if (!(part instanceof Parameter)) continue
    if (owners.has(path) && owners.get(path) !== part) {
      throw new ConfigError('two parameters have the same name', { where: path })
    }
    owners.set(path, part)
    const paths = names.get(part) ?? []
    if (!paths.includes(path)) names.set(part, [...paths, path])
  }
  return [...names].map(([parameter, paths]) => ({ path: paths[0], paths, parameter }))
}

/**
 * Where values come from: drawn from a seed, or written afterwards into memory that `format` says how to
 * pack.
 */
export type PlaceSource =
  | { readonly seed: number }
  | {
      /** How a matrix is kept; undefined: as f32. */
      readonly format: (path: string, parameter: Parameter) => PackedFormat | undefined
    }

/**
 * Allocates a tree's parameters and constants on a device. A parameter that occurs several times is allocated
 * once.
 *
 * @throws StateError if a part is placed already; nothing of the tree is then left allocated by this call
 */
export function place<M extends Module>(tree: M, device: AnyDevice, source: PlaceSource = { seed: 0 }): M {
  const random = 'seed' in source ? new Random(source.seed) : undefined
  const placed: (Parameter | Constant)[] = []
  try {
    for (const { path, parameter } of walk(tree)) {
      if (random) parameter.draw(device, random)
      else if ('format' in source) {
        parameter.allocate(device, parameter.packable ? source.format(path, parameter) : undefined)
      }
      placed.push(parameter)
    }
    for (const { part } of walkParts(tree)) {
      if (!(part instanceof Constant) || placed.includes(part)) continue
      part.allocate(device)
      placed.push(part)
    }
    return tree
  } catch (error) {
    for (const part of placed) part.dispose()
    throw error
  }
}

/** Gives all memory of a tree back. */
export function dispose(tree: Module): void {
  for (const { part } of walkParts(tree))
    if (part instanceof Parameter || part instanceof Constant) part.dispose()
}

/** `inProj` to `in_proj`; single letters, which are those of the papers, stay. */
function snakeCase(property: string): string {
  return property.length === 1 ? property : property.replaceAll(/(?<=[a-z\d])[A-Z]/g, '_$&').toLowerCase()
}
