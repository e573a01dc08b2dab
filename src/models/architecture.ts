/** What an architecture is: one file in `architectures/`, and a line in its table. */
import * as v from 'valibot'
import { ConfigError } from '../errors.ts'
import type { Layer, LayerContext } from './layer.ts'
import type { GgufLayout } from './layouts/gguf.ts'
import type { HuggingFaceLayout } from './layouts/hugging-face.ts'
import type { StateSpacesLayout } from './layouts/state-spaces.ts'

/** Sizes beyond this are no model: they are refused before memory is asked for. */
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(1), v.maxValue(2 ** 24))
/** A finite number that is not negative. */
export const rate = v.pipe(v.number(), v.finite(), v.minValue(0))

/** What is divided by, or a base: float32 holds it, and it is not 0. */
export const positive = v.pipe(v.number(), v.minValue(1e-30), v.maxValue(1e30))

/** A kind of layer: its fields in a configuration, and how it is built of modules. */
export interface LayerKind<S extends LayerSchema = LayerSchema> {
  readonly schema: S
  build(layer: v.InferOutput<S>, context: LayerContext): Layer
}

/** A kind of layer, whatever its fields. */
// oxlint-disable-next-line typescript/no-explicit-any
export type AnyLayerKind = LayerKind<any>

type LayerSchema = v.StrictObjectSchema<
  { readonly kind: v.LiteralSchema<string, undefined> } & v.ObjectEntries,
  undefined
>

/** Defines a kind of layer: the type of its configuration follows from the schema. */
export function layerKind<S extends LayerSchema>(
  schema: S,
  build: (layer: v.InferOutput<S>, context: LayerContext) => Layer,
): LayerKind<S> {
  return { schema, build }
}

/**
 * The short way to say a configuration: see `createModel`. What an architecture has no use for is left out.
 */
export interface LayerOptions {
  /** Which layer of the model it is, from 0: the kinds of layers of a hybrid alternate. */
  readonly index: number
  readonly width: number
  /** Inner width of a state-space layer: `expand` times the width. */
  readonly hidden: number
  /** State size N. */
  readonly stateSize?: number | undefined
  readonly headDim?: number | undefined
  readonly heads?: number | undefined
  readonly kvHeads?: number | undefined
  /** Hidden width of the gated MLP. */
  readonly mlp?: number | undefined
}

export interface Architecture {
  /** What options and configurations call it. */
  readonly type: string
  /** The kinds of layers that it brings. */
  readonly kinds?: readonly AnyLayerKind[]
  /** A layer from options; absent: the architecture is only read from files. */
  readonly layer?: (options: LayerOptions) => { readonly kind: string }
  /** How others publish it. */
  readonly huggingFace?: HuggingFaceLayout
  readonly stateSpaces?: StateSpacesLayout
  readonly gguf?: GgufLayout
}

/** Checks an entry of the table, and keeps its exact type: the types of configurations follow from it. */
export function defineArchitecture<const A extends Architecture>(architecture: A): Readonly<A> {
  return Object.freeze(architecture)
}

/** Throws ConfigError unless the value is a positive integer. */
export function expectPositive(where: string, value: number): number {
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new ConfigError('must be a positive integer', { where, found: value })
  }
  return value
}
