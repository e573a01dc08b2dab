/** How transformers writes a model: keys of config.json, and names of tensors. */
import { ConfigError } from '../../errors.ts'
import type { AnyLayer, StackConfig } from '../stack-config.ts'
import type { Fields } from './fields.ts'
import type { Layout } from './layout.ts'

export type Json = Readonly<Record<string, unknown>>

/** A number that transformers wants with a point even where it is whole: 1.0, not 1. */
export class Float {
  readonly value: number

  constructor(value: number) {
    this.value = value
  }
}

export interface HuggingFaceLayout {
  /** `model_type` in config.json. */
  readonly modelType: string
  /** The class that saves it, which says the type where `model_type` is missing. */
  readonly className: string
  read(fields: Fields): StackConfig
  /**
   * undefined: transformers has no words for this configuration. Numbers that are no counts are a `Float`.
   */
  write(config: StackConfig): Json | undefined
  /** How it names the parameters of such a model. */
  layout(config: StackConfig): Layout
  /** What stands before the names of all but the head, and not in files of the model without it. */
  readonly base: string
}

/** The base of `mamba`, `mamba2` and `falcon_mamba`. */
export const BACKBONE = 'backbone.'

/**
 * Names of `mamba`, `mamba2` and `falcon_mamba` are those of our tree; state-spaces says `embedding`,
 * transformers `embeddings`.
 */
export const backboneLayout: Layout = (path) => ({
  name: path,
  aliases: path === 'backbone.embeddings.weight' ? ['backbone.embedding.weight'] : [],
})

/** Of `mamba`, `mamba2` and `falcon_mamba`: all but the layer. */
export function readBackbone<L extends AnyLayer>(fields: Fields, layer: L, tied: boolean): StackConfig<L> {
  const layers = fields.layers('num_hidden_layers', 32)
  return {
    width: fields.positive('hidden_size'),
    layers: Array.from({ length: layers }, () => layer),
    input: { vocabulary: fields.positive('vocab_size') },
    head: { kind: 'language' },
    tieEmbeddings: fields.flag('tie_word_embeddings', tied),
    eps: fields.number('layer_norm_epsilon', 1e-5),
  }
}

/** Sizes that both Mambas have. */
interface SharedSizes {
  readonly hidden: number
  readonly stateSize: number
  readonly kernel: number
  readonly bias: boolean
  readonly convolutionBias: boolean
}

/**
 * The keys that both Mambas have; undefined where the inner width is no multiple of the width, as
 * transformers takes it.
 */
export function writeBackbone(config: StackConfig, sizes: SharedSizes): Json | undefined {
  const { layers, input, width, eps, tieEmbeddings } = config
  if (sizes.hidden % width !== 0 || !('vocabulary' in input)) return undefined
  return {
    hidden_size: width,
    num_hidden_layers: layers.length,
    vocab_size: input.vocabulary,
    state_size: sizes.stateSize,
    conv_kernel: sizes.kernel,
    expand: sizes.hidden / width,
    use_bias: sizes.bias,
    use_conv_bias: sizes.convolutionBias,
    hidden_act: 'silu',
    layer_norm_epsilon: new Float(eps),
    tie_word_embeddings: tieEmbeddings,
    residual_in_fp32: true,
    rescale_prenorm_residual: false,
    dtype: 'float32',
  }
}

/** Throws ConfigError for other activations than SiLU. */
export function expectSilu(fields: Fields): void {
  const activation = fields.optional('hidden_act') ?? 'silu'
  if (activation !== 'silu' && activation !== 'swish') {
    throw new ConfigError('unsupported activation', {
      where: fields.at('hidden_act'),
      expected: 'silu',
      found: activation,
    })
  }
}
