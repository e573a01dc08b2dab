/** config.json of `mamba` and `mamba2` as transformers writes it, to a ModelConfig and back. */
import { ConfigError } from '../errors.ts'
import type { LayerConfig, Mamba2Layer, MambaLayer, ModelConfig } from './config.ts'
import { readModelConfig } from './config-schema.ts'
import { Fields } from './fields.ts'

type Json = Readonly<Record<string, unknown>>

/** Reads a parsed config.json. `where` names the file in errors. */
export function fromHuggingFace(json: Json, where: string): ModelConfig {
  const fields = new Fields(json, where)
  const type = fields.text('model_type')
  switch (type) {
    case 'mamba':
      return common(fields, mambaLayer(fields), true)
    case 'mamba2':
      return common(fields, mamba2Layer(fields), false)
    case 'sidewinder':
      return readModelConfig(fields.value('sidewinder'), fields.at('sidewinder'))
    default:
      throw new ConfigError('unknown model_type', {
        where,
        expected: 'mamba, mamba2 or sidewinder',
        found: type,
      })
  }
}

function common(fields: Fields, layer: LayerConfig, tied: boolean): ModelConfig {
  const count = fields.positive('num_hidden_layers', 32)
  return {
    width: fields.positive('hidden_size'),
    layers: Array.from({ length: count }, () => layer),
    input: { vocabulary: fields.positive('vocab_size') },
    head: { kind: 'language' },
    tieEmbeddings: fields.flag('tie_word_embeddings', tied),
    eps: fields.number('layer_norm_epsilon', 1e-5),
  }
}

function mambaLayer(fields: Fields): MambaLayer {
  expectSilu(fields)
  const width = fields.positive('hidden_size')
  const rank = fields.optional('time_step_rank')
  return {
    kind: 'mamba',
    hidden: fields.positive('intermediate_size', fields.number('expand', 2) * width),
    state: fields.positive('state_size', 16),
    kernel: fields.positive('conv_kernel', 4),
    deltaRank:
      rank === undefined || rank === 'auto' ? Math.ceil(width / 16) : fields.positive('time_step_rank'),
    bias: fields.flag('use_bias', false),
    convolutionBias: fields.flag('use_conv_bias', true),
  }
}

function mamba2Layer(fields: Fields): Mamba2Layer {
  expectSilu(fields)
  const headWidth = fields.positive('head_dim', 64)
  const hidden = fields.positive('num_heads', 128) * headWidth
  const [low, high] = fields.range('time_step_limit', [0, Number.POSITIVE_INFINITY])
  return {
    kind: 'mamba2',
    hidden,
    headWidth,
    state: fields.positive('state_size', 128),
    groups: fields.positive('n_groups', 8),
    kernel: fields.positive('conv_kernel', 4),
    bias: fields.flag('use_bias', false),
    convolutionBias: fields.flag('use_conv_bias', true),
    ...(low > 0 || high < Number.POSITIVE_INFINITY ? { deltaLimit: [low, high] as const } : {}),
    // transformers normalises all channels together, whatever the number of groups.
    groupedNorm: false,
  }
}

function expectSilu(fields: Fields): void {
  const activation = fields.optional('hidden_act') ?? 'silu'
  if (activation !== 'silu' && activation !== 'swish') {
    throw new ConfigError('unsupported activation', {
      where: fields.at('hidden_act'),
      expected: 'silu',
      found: activation,
    })
  }
}

/** What to write as config.json: transformers' own keys where it has the architecture, ours otherwise. */
export function toHuggingFace(config: ModelConfig): Json {
  const { layers, input, head, width, eps, tieEmbeddings } = config
  const [first] = layers
  const uniform = layers.every((layer) => JSON.stringify(layer) === JSON.stringify(first))
  const plain = uniform && first?.mlp === undefined && 'vocabulary' in input && head.kind === 'language'
  if (!plain || !first || first.kind === 's4d' || first.kind === 'attention') {
    return { model_type: 'sidewinder', sidewinder: config }
  }
  const shared = {
    model_type: first.kind,
    hidden_size: width,
    num_hidden_layers: layers.length,
    vocab_size: input.vocabulary,
    state_size: first.state,
    conv_kernel: first.kernel,
    expand: first.hidden / width,
    use_bias: first.bias,
    use_conv_bias: first.convolutionBias,
    hidden_act: 'silu',
    layer_norm_epsilon: eps,
    tie_word_embeddings: tieEmbeddings,
    residual_in_fp32: true,
    rescale_prenorm_residual: false,
    dtype: 'float32',
  }
  if (first.kind === 'mamba') {
    return {
      architectures: ['MambaForCausalLM'],
      ...shared,
      intermediate_size: first.hidden,
      time_step_rank: first.deltaRank,
    }
  }
  if (first.groupedNorm && first.groups > 1) return { model_type: 'sidewinder', sidewinder: config }
  const [low, high] = first.deltaLimit ?? [0, Number.POSITIVE_INFINITY]
  return {
    architectures: ['Mamba2ForCausalLM'],
    ...shared,
    head_dim: first.headWidth,
    num_heads: first.hidden / first.headWidth,
    n_groups: first.groups,
    chunk_size: first.chunk ?? 256,
    // transformers' spelling of a number that JSON does not have
    time_step_limit: [low, high === Number.POSITIVE_INFINITY ? { __float__: 'Infinity' } : high],
  }
}
