/** What a model is made of. Every published architecture, and every mix, comes down to this. */
import { ConfigError } from '../errors.ts'
import { largestDivisor } from '../nn/mixers/mamba2.ts'

interface WithMlp {
  /** Hidden width of a gated MLP after the mixer, with its own norm. Absent: none. */
  readonly mlp?: number
}

export interface MambaLayer extends WithMlp {
  readonly kind: 'mamba'
  /** Inner width E. */
  readonly hidden: number
  readonly state: number
  readonly kernel: number
  readonly deltaRank: number
  readonly bias: boolean
  readonly convolutionBias: boolean
  /** Falcon-Mamba: epsilon of RMS norms without weights on delta, B and C. Absent: no such norms. */
  readonly innerNorm?: number
}

export interface Mamba2Layer extends WithMlp {
  readonly kind: 'mamba2'
  readonly hidden: number
  readonly headWidth: number
  readonly state: number
  readonly groups: number
  readonly kernel: number
  readonly bias: boolean
  readonly convolutionBias: boolean
  readonly deltaLimit?: readonly [number, number]
  readonly groupedNorm: boolean
  readonly chunk?: number
}

export interface S4DLayer extends WithMlp {
  readonly kind: 's4d'
  /** Complex states a channel. */
  readonly state: number
}

export interface AttentionLayer extends WithMlp {
  readonly kind: 'attention'
  readonly heads: number
  readonly kvHeads: number
  readonly ropeTheta: number
  /** Absent: width / heads. */
  readonly headWidth?: number
  /** How much of each head is turned by its position; absent: all. */
  readonly rotary?: number
  /** Taps of a convolution over queries, keys and values; absent: none. */
  readonly kernel?: number
  readonly bias?: boolean
  readonly outputBias?: boolean
}

export type LayerConfig = MambaLayer | Mamba2Layer | S4DLayer | AttentionLayer

/** What comes in: token ids, or vectors of features. */
export type InputConfig = { readonly vocabulary: number } | { readonly features: number }

/** What goes out: logits of the next token, or of a class, or numbers; for each position, or for the whole sequence. */
export type HeadConfig =
  | { readonly kind: 'language' }
  | {
      readonly kind: 'classifier'
      readonly classes: number
      /** Default: `sequence`. */ readonly each?: Each
    }
  | { readonly kind: 'regression'; readonly outputs: number; readonly each: Each }

/** What has a result of its own. */
export type Each = 'position' | 'sequence'

/** What a head has a result for. */
export function eachOf(head: HeadConfig): Each {
  return head.kind === 'language' ? 'position' : (head.each ?? 'sequence')
}

/** How many numbers a head gives for each position or sequence. */
export function outputsOf({ head, input }: Pick<ModelConfig, 'head' | 'input'>): number {
  if (head.kind === 'language') return 'vocabulary' in input ? input.vocabulary : 0
  return head.kind === 'classifier' ? head.classes : head.outputs
}

export interface ModelConfig {
  readonly width: number
  readonly layers: readonly LayerConfig[]
  readonly input: InputConfig
  readonly head: HeadConfig
  /** Whether the output projection is the embedding. */
  readonly tieEmbeddings: boolean
  readonly eps: number
}

export const ARCHITECTURES = ['mamba', 'mamba2', 's4d', 'transformer'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

/** The short way to say a configuration. */
export interface ModelOptions {
  /** One for all layers, or one for each. */
  readonly architecture: Architecture | readonly Architecture[]
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
  /** A result for each position (default of a regressor), or one for the whole sequence (default of a classifier). */
  readonly each?: Each
  /** State size N. Default: 16 for mamba, 64 for mamba2, 32 complex for s4d. */
  readonly state?: number
  /** Inner width over width. Default: 2. */
  readonly expand?: number
  /** mamba2: head width P. Default: the largest divisor of the inner width up to 64. */
  readonly headWidth?: number
  /** Attention heads. Default: width / 32, at least 1, rounded down to a divisor of the width. */
  readonly heads?: number
  readonly kvHeads?: number
  /** Hidden width of the gated MLP. Default: none for state-space layers, 8/3 of the width for attention. */
  readonly mlp?: number
  readonly tieEmbeddings?: boolean
}

/** Spells the options out. Throws ConfigError for what cannot be. */
export function modelConfig(options: ModelOptions): ModelConfig {
  const { architecture, width, vocabulary, features } = options
  const kinds = typeof architecture === 'string' ? repeat(architecture, options.layers) : architecture
  if (options.layers !== undefined && kinds.length !== options.layers) {
    throw new ConfigError('layers and architecture disagree', {
      expected: kinds.length,
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
    layers: kinds.map((kind) => layerConfig(kind, options)),
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
  if (classes !== undefined)
    return { kind: 'classifier', classes: expectPositive('classes', classes), ...(each && { each }) }
  if (outputs !== undefined) {
    return { kind: 'regression', outputs: expectPositive('outputs', outputs), each: each ?? 'position' }
  }
  if (features !== undefined) {
    throw new ConfigError('a model of features needs classes or outputs', { where: 'model' })
  }
  return { kind: 'language' }
}

function layerConfig(architecture: Architecture, options: ModelOptions): LayerConfig {
  const { width, state, expand = 2 } = options
  const mlp = options.mlp === undefined ? {} : { mlp: expectPositive('mlp', options.mlp) }
  const hidden = expectPositive('expand × width', expand * width)
  if (state !== undefined) expectPositive('state', state)
  switch (architecture) {
    case 'mamba':
      return {
        kind: 'mamba',
        hidden,
        state: state ?? 16,
        kernel: 4,
        deltaRank: Math.ceil(width / 16),
        bias: false,
        convolutionBias: true,
        ...mlp,
      }
    case 'mamba2':
      return {
        kind: 'mamba2',
        hidden,
        headWidth: options.headWidth ?? largestDivisor(hidden, 64),
        state: state ?? 64,
        groups: 1,
        kernel: 4,
        bias: false,
        convolutionBias: true,
        groupedNorm: false,
        ...mlp,
      }
    case 's4d':
      return { kind: 's4d', state: state ?? 32, ...mlp }
    case 'transformer': {
      const heads = options.heads ?? largestDivisor(width / 2, Math.max(1, Math.floor(width / 32)))
      const kvHeads = options.kvHeads ?? heads
      // 8/3 of the width: as many weights as an MLP of 4 × width without gate (Shazeer 2020; Touvron et al. 2023).
      return {
        kind: 'attention',
        heads,
        kvHeads,
        ropeTheta: 10000,
        mlp: Math.ceil((8 * width) / 24) * 8,
        ...mlp,
      }
    }
    default:
      throw new ConfigError('unknown architecture', {
        expected: ARCHITECTURES.join(', '),
        found: String(architecture satisfies never),
      })
  }
}

function repeat(architecture: Architecture, layers: number | undefined): Architecture[] {
  return Array.from({ length: expectPositive('layers', layers ?? 1) }, () => architecture)
}

function expectPositive(where: string, value: number): number {
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new ConfigError('must be a positive integer', { where, found: value })
  }
  return value
}
