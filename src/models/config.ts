/** Configurations of models: their types, their schema, and the short way to say one. */
import * as v from 'valibot'
import { between, flag, needed, oneOf, optionsOf, whole, type Declared } from '../check.ts'
import { isJsonObject } from '../checkpoints/json.ts'
import { ConfigError } from '../errors.ts'
import { count, expectPositive, positive, type AnyLayerKind } from './architecture.ts'
import { ARCHITECTURES, type Entry } from './architectures/index.ts'
import type { AnyLayer, HeadConfig, InputConfig, StackConfig } from './stack-config.ts'

type KindOf<A> = A extends { readonly kinds: infer K extends readonly AnyLayerKind[] } ? K[number] : never
/** The configuration of a layer: those that the schemas of all kinds of layers allow. */
export type LayerConfig = Readonly<v.InferOutput<KindOf<Entry>['schema']>>
/** The configuration of a model: what comes in, its layers, what comes out. */
export type ModelConfig = StackConfig<LayerConfig>
/** What `createModel` takes for `architecture`. */
export type ArchitectureName = Extract<Entry, { readonly layer: unknown }>['type']

const KINDS = ARCHITECTURES.flatMap(({ kinds }) => kinds ?? [])
/** Architectures that options can name. */
export const ARCHITECTURE_NAMES = ARCHITECTURES.flatMap(({ type, layer }) =>
  layer ? [type] : [],
) as ArchitectureName[]

/** How the layers of this kind are built. Throws ConfigError for a kind that there is not. */
export function kindOf({ kind }: AnyLayer): AnyLayerKind {
  const known = KINDS.find(({ schema }) => schema.entries.kind.literal === kind)
  if (known) return known
  throw new ConfigError('unknown kind of layer', {
    where: 'layers',
    expected: KINDS.map(({ schema }) => schema.entries.kind.literal).join(', '),
    found: kind,
  })
}

const MODEL = v.strictObject({
  width: count,
  layers: v.pipe(
    v.array(
      v.variant(
        'kind',
        KINDS.map(({ schema }) => schema),
      ),
    ),
    v.minLength(1),
    v.maxLength(4096),
  ),
  input: v.union([v.strictObject({ vocabulary: count }), v.strictObject({ features: count })]),
  head: v.variant('kind', [
    v.strictObject({ kind: v.literal('language') }),
    v.strictObject({
      kind: v.literal('classifier'),
      classes: count,
      each: v.optional(v.picklist(['position', 'sequence'])),
    }),
    v.strictObject({
      kind: v.literal('regression'),
      outputs: count,
      each: v.picklist(['position', 'sequence']),
    }),
  ]),
  tieEmbeddings: v.boolean(),
  eps: positive,
})

/** Fields as the first version of the format called them, and their names now. */
const FORMER_NAMES = { headWidth: 'headDim', state: 'stateSize' } as const

/** A layer with its fields under the names that they have now. */
function renamed(layer: unknown): unknown {
  if (!isJsonObject(layer)) return layer
  const names: Readonly<Record<string, string>> = FORMER_NAMES
  return Object.fromEntries(
    Object.entries(layer).map(([key, value]) => {
      const now = names[key]
      // Beside the new name, the former one stays, to be refused as unknown.
      return [now === undefined || Object.hasOwn(layer, now) ? key : now, value]
    }),
  )
}

/**
 * The name that a field had in the first version of the format: hashes of configurations are made of these.
 */
export function formerName(key: string): string {
  return Object.entries(FORMER_NAMES).find(([, now]) => now === key)?.[0] ?? key
}

/** Checks a configuration that came from outside. `where` names file and key in errors. */
export function readModelConfig(value: unknown, where: string): ModelConfig {
  const current =
    isJsonObject(value) && Array.isArray(value['layers'])
      ? { ...value, layers: value['layers'].map(renamed) }
      : value
  const result = v.safeParse(MODEL, current)
  if (result.success) return result.output
  const [issue] = result.issues
  throw new ConfigError('wrong value', {
    where: `${where}.${v.getDotPath(issue) ?? ''}`.replace(/\.$/, ''),
    expected: issue.expected ?? issue.message,
    found: issue.received,
  })
}

/** The short way to say a configuration. */
export interface ModelOptions {
  /** One for all layers, or one for each. */
  readonly architecture: ArchitectureName | readonly ArchitectureName[]
  /** Number of layers; may be left out if `architecture` is a list. */
  readonly layers?: number
  readonly width: number
  /** Token ids go in. Exactly one of `vocabulary` and `features`. */
  readonly vocabulary?: number
  /** Vectors of this many numbers go in. */
  readonly features?: number
  /** Makes a classifier. */
  readonly classes?: number
  /** Makes a regressor with this many outputs. */
  readonly outputs?: number
  /**
   * A class or numbers for each position, or for the whole sequence. Default: classes for the sequence,
   * numbers for positions.
   */
  readonly each?: 'position' | 'sequence'
  /** State size N. Default: 16 for mamba, 64 for mamba2, 32 complex for s4d. */
  readonly stateSize?: number
  /** Inner width over width. Default: 2. */
  readonly expand?: number
  /** mamba2: head width P. Default: the largest divisor of the inner width up to 64. */
  readonly headDim?: number
  /** Attention heads. Default: width / 32, at least 1, rounded down to a divisor of the width. */
  readonly heads?: number
  readonly kvHeads?: number
  /** Hidden width of the gated MLP. Default: none for state-space layers, 8/3 of the width for attention. */
  readonly mlp?: number
  readonly tieEmbeddings?: boolean
}

const size = whole(1, 2 ** 24)
const NAMES = 'an architecture, or a list of them: '

export const MODEL_OPTIONS: Declared<ModelOptions> = {
  architecture: needed(
    v.union(
      [v.picklist(ARCHITECTURE_NAMES), v.pipe(v.array(v.picklist(ARCHITECTURE_NAMES)), v.minLength(1))],
      NAMES + ARCHITECTURE_NAMES.join(', '),
    ),
  ),
  layers: whole(1, 4096),
  width: needed(size),
  vocabulary: size,
  features: size,
  classes: size,
  outputs: size,
  each: oneOf(['position', 'sequence']),
  stateSize: size,
  expand: between(1e-6, 2 ** 24),
  headDim: size,
  heads: size,
  kvHeads: size,
  mlp: size,
  tieEmbeddings: flag,
}

const readOptions = optionsOf<ModelOptions>(MODEL_OPTIONS)

/** Spells the options out. Throws ConfigError for what cannot be. */
export function modelConfig(given: ModelOptions): ModelConfig {
  const options = readOptions(given, 'model')
  const { architecture, width, vocabulary, features } = options
  const names = typeof architecture === 'string' ? repeat(architecture, options.layers) : architecture
  if (options.layers !== undefined && names.length !== options.layers) {
    throw new ConfigError('layers and architecture disagree', {
      expected: names.length,
      found: options.layers,
    })
  }
  expectPositive('width', width)
  if ((vocabulary === undefined) === (features === undefined)) {
    throw new ConfigError('give either vocabulary (tokens) or features (numbers)', { where: 'model' })
  }
  const input: InputConfig = vocabulary !== undefined ? { vocabulary } : { features: features! }
  expectPositive('vocabulary' in input ? 'vocabulary' : 'features', vocabulary ?? features!)
  const head = headConfig(options)
  return {
    width,
    layers: names.map((name, index) => layerConfig(name, index, options)),
    input,
    head,
    tieEmbeddings: options.tieEmbeddings ?? (head.kind === 'language' && vocabulary !== undefined),
    eps: 1e-5,
  }
}

function headConfig({ classes, outputs, each, features }: ModelOptions): HeadConfig {
  if (classes !== undefined && outputs !== undefined) {
    throw new ConfigError('classes and outputs exclude each other', { where: 'model' })
  }
  if (classes !== undefined) {
    return { kind: 'classifier', classes: expectPositive('classes', classes), ...(each && { each }) }
  }
  if (outputs !== undefined) {
    return { kind: 'regression', outputs: expectPositive('outputs', outputs), each: each ?? 'position' }
  }
  if (features !== undefined) {
    throw new ConfigError('a model of features needs classes or outputs', { where: 'model' })
  }
  return { kind: 'language' }
}

function layerConfig(name: ArchitectureName, index: number, options: ModelOptions): LayerConfig {
  const { width, stateSize, expand = 2, mlp, headDim, heads, kvHeads } = options
  const hidden = expectPositive('expand × width', expand * width)
  for (const [key, value] of Object.entries({ stateSize, mlp, headDim, heads, kvHeads })) {
    if (value !== undefined) expectPositive(key, value)
  }
  const architecture = ARCHITECTURES.find(({ type }) => type === name)
  if (architecture?.layer) {
    const layerOptions = { index, width, hidden, stateSize, headDim, heads, kvHeads, mlp }
    return architecture.layer(layerOptions) as LayerConfig
  }
  throw new ConfigError('unknown architecture', {
    expected: ARCHITECTURE_NAMES.join(', '),
    found: name,
  })
}

function repeat(name: ArchitectureName, layers: number | undefined): ArchitectureName[] {
  return Array.from({ length: expectPositive('layers', layers ?? 1) }, () => name)
}
