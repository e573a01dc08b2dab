/** Where published layouts keep the parameters of a model: names, shapes and forms of tensors in files. */
import type { Staging } from '../../checkpoints/source.ts'
import { clip } from '../../checkpoints/json.ts'
import { reshaped, type StoredTensor } from '../../checkpoints/stored.ts'
import { CheckpointError } from '../../errors.ts'
import { walk, type Module } from '../../nn/module.ts'
import type { Parameter } from '../../nn/parameter.ts'
import { sameShape, showShape, sizeOf, type Shape } from '../../tensor/shape.ts'
import type { AnyLayer } from '../stack-config.ts'

/** A tensor in a file. */
export interface FileTensor {
  readonly name: string
  /** Other spellings that are read, too. */
  readonly aliases?: readonly string[]
  /** Its shape in the file, where that is another one of as many numbers. */
  readonly shape?: Shape
  /** Whether the file holds the alternative form of the parameter. */
  readonly alternative?: boolean
}

/**
 * A parameter that a file holds as several tensors, one above the other along the first axis, each of so many
 * rows.
 */
export type FileRows = readonly (FileTensor & { readonly rows: number })[]

/**
 * The place of a parameter of this path in files; undefined if the layout has none. The path is that of the
 * first form of the parameter.
 */
export type Layout = (path: string, parameter: Parameter) => FileTensor | FileRows | undefined

export type Tensors = ReadonlyMap<string, StoredTensor>

/**
 * Parameters by their paths in the tree: the layout of what Sidewinder writes where no published layout fits.
 */
export const ownLayout: Layout = (path) => ({ name: path })

/** How a layout names what stands in layers and what does not. */
export interface LayerNames {
  /** What stands before the number of a layer: `model.layers`. */
  readonly prefix: string
  /** The names of parameters outside the layers, by their paths. */
  readonly ends: Readonly<Record<string, string>>
  /** Where a parameter lies below `PREFIX.N.`, by its path below `backbone.layers.N.`. */
  readonly place: (path: string, parameter: Parameter, layer: AnyLayer) => FileTensor | FileRows | undefined
}

/** The layout of a model of these layers. */
export function layeredLayout(layers: readonly AnyLayer[], { prefix, ends, place }: LayerNames): Layout {
  return (path, parameter) => {
    if (Object.hasOwn(ends, path)) return { name: ends[path] }
    const [, index, rest] = /^backbone\.layers\.(\d+)\.(.+)$/.exec(path) ?? []
    if (index === undefined) return undefined
    const placed = place(rest, parameter, layers[Number(index)])
    const below = <T extends FileTensor>(tensor: T): T => ({
      ...tensor,
      name: `${prefix}.${index}.${tensor.name}`,
    })
    return placed && (isRows(placed) ? placed.map(below) : below(placed))
  }
}

/** A parameter of the tree, and where it lies in files. */
export interface PlacedParameter {
  readonly path: string
  readonly parameter: Parameter
  readonly tensors: FileRows
}

/** All parameters of a tree, as a layout keeps them. Throws CheckpointError if it has no place for one. */
export function placedParameters(tree: Module, layout: Layout): PlacedParameter[] {
  return walk(tree).map(({ path, parameter }) => {
    const place = layout(path, parameter)
    if (!place) throw new CheckpointError('the layout has no name for this parameter', { where: path })
    return { path, parameter, tensors: rowsOf(place, parameter) }
  })
}

function rowsOf(place: FileTensor | FileRows, { shape }: Parameter): FileRows {
  return isRows(place) ? place : [{ ...place, rows: shape[0] ?? 1 }]
}

const isRows = (place: FileTensor | FileRows): place is FileRows => Array.isArray(place)

/**
 * The tensors of files by the paths of the tree's parameters. Of a parameter with several names, any will do;
 * one in its alternative form is chosen to be kept in that form. What the layout has no parameter for keeps
 * its own name. `twins` is told of each parameter that stands there under several of its names.
 *
 * @throws CheckpointError if a tensor stands in the file under two spellings, or one of several that are a
 *   parameter together is missing or misshapen
 */
export function readLayout(
  tree: Module,
  layout: Layout,
  files: Tensors,
  where: string,
  twins?: (tensors: readonly StoredTensor[]) => void,
): Map<string, StoredTensor> {
  const claimed = new Set<string>()
  const named = new Map<string, StoredTensor>()
  for (const { path, paths, parameter } of walk(tree)) {
    const found = paths.flatMap(
      (name) => findParameter(name, parameter, { layout, files, where, claimed }) ?? [],
    )
    const [first] = found
    if (!first) continue
    const kept = first.alternative ? parameter.alternativePath(path) : undefined
    named.set(kept ?? path, first.stored)
    if (found.length > 1) twins?.(found.map(({ stored }) => stored))
  }
  for (const [name, stored] of files) {
    if (claimed.has(name)) continue
    if (named.has(name)) refuseTwice(where, [name, 'another spelling of it'])
    named.set(name, stored)
  }
  return named
}

function refuseTwice(where: string, names: readonly string[]): never {
  throw new CheckpointError('a tensor stands twice', { where: `${where}: ${names.map(clip).join(' and ')}` })
}

/** Chooses the form of parameters that have two by what a checkpoint holds. To be called before `place`. */
export function chooseForms(tree: Module, has: (path: string) => boolean): void {
  for (const { path, parameter } of walk(tree)) {
    const other = parameter.alternativePath(path)
    if (other === undefined || parameter.inAlternative || has(path)) continue
    if (has(other)) parameter.useAlternative()
  }
}

interface Search {
  readonly layout: Layout
  readonly files: Tensors
  readonly where: string
  readonly claimed: Set<string>
}

/** A parameter under one of its names, put together from the tensors that the layout gives it. */
function findParameter(
  path: string,
  parameter: Parameter,
  search: Search,
): { readonly stored: StoredTensor; readonly alternative: boolean } | undefined {
  const place = search.layout(path, parameter)
  if (!place) return undefined
  if (isRows(place)) {
    const parts = place.map((tensor) => findTensor(tensor, search))
    if (parts.every((part) => part === undefined)) return undefined
    const whole = parts.map((part, i) => expectRows(part, place[i], parameter, search.where))
    return { stored: stackStored(whole), alternative: place[0].alternative ?? false }
  }
  const stored = findTensor(place, search)
  const name = place.alternative ? undefined : parameter.alternativePath(place.name)
  const other = name === undefined ? undefined : findTensor({ name }, search)
  if (stored && other) refuseTwice(search.where, [place.name, name!])
  if (other) return { stored: other, alternative: true }
  if (!stored) return undefined
  return { stored: inModelShape(stored, place, parameter), alternative: place.alternative ?? false }
}

/**
 * One of several tensors that are a parameter together. Throws CheckpointError if it is missing or misshapen.
 */
function expectRows(
  part: StoredTensor | undefined,
  { name, rows, shape }: FileRows[number],
  parameter: Parameter,
  where: string,
): StoredTensor {
  const inModel = [rows, ...parameter.shape.slice(1)]
  const inFile = shape ?? inModel
  if (!part) throw new CheckpointError('missing tensor', { where, expected: `${name} ${showShape(inFile)}` })
  if (sameShape(part.shape, inFile)) return reshaped(part, inModel)
  throw new CheckpointError('wrong shape', {
    where: `${where}: ${name}`,
    expected: showShape(inFile),
    found: showShape(part.shape),
  })
}

function findTensor(
  { name, aliases = [] }: FileTensor,
  { files, where, claimed }: Search,
): StoredTensor | undefined {
  const present = [name, ...aliases].filter((spelling) => files.has(spelling))
  if (present.length > 1) refuseTwice(where, present)
  if (present.length === 0) return undefined
  claimed.add(present[0])
  return files.get(present[0])!
}

/**
 * The tensor in the shape of the model, if it has the one that the layout gives it in files; else as it is,
 * to be refused.
 */
function inModelShape(stored: StoredTensor, { shape }: FileTensor, parameter: Parameter): StoredTensor {
  return shape && sameShape(stored.shape, shape) ? reshaped(stored, parameter.shape) : stored
}

/** Several tensors as one, along the first axis. */
function stackStored(parts: readonly StoredTensor[]): StoredTensor {
  const [first] = parts
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0)
  const raw = parts.every((part) => part.raw && part.dtype === first.dtype)
  /** Calls `read` with the stretch of each part that lies within [begin, end). */
  const each = async <T>(
    begin: number,
    end: number,
    read: (part: StoredTensor, from: number, to: number) => Promise<T>,
  ): Promise<T[]> => {
    const pieces: T[] = []
    let offset = 0
    for (const part of parts) {
      const size = sizeOf(part.shape)
      const [from, to] = [Math.max(begin - offset, 0), Math.min(end - offset, size)]
      if (from < to) pieces.push(await read(part, from, to))
      offset += size
    }
    return pieces
  }
  const shape = [rows, ...first.shape.slice(1)]
  return {
    dtype: parts.find(({ dtype }) => dtype !== first.dtype)?.dtype ?? first.dtype,
    shape,
    async read(begin = 0, end = sizeOf(shape), staging?: Staging) {
      // Each piece is copied before the next one is read by way of the same memory.
      const pieces = await each(begin, end, async (part, from, to) =>
        (await part.read(from, to, staging)).slice(),
      )
      const joined = new Float32Array(end - begin)
      let at = 0
      for (const piece of pieces) {
        joined.set(piece, at)
        at += piece.length
      }
      return joined
    },
    ...(raw && {
      async raw(begin: number, end: number, staging?: Staging) {
        const pieces = await each(begin, end, async (part, from, to) =>
          (await part.raw!(from, to, staging)).slice(),
        )
        return new Uint8Array(await new Blob(pieces).arrayBuffer())
      },
    }),
  }
}
