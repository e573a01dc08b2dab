/** config.json of `mamba`, `mamba2` and `falcon_mamba` as transformers writes it, to a ModelConfig and back. */
import { ConfigError } from '../errors.ts'
import type { LayerConfig, Mamba2Layer, MambaLayer, ModelConfig } from './config.ts'
import { readModelConfig } from './config-schema.ts'
import { Fields } from './fields.ts'
import { fromStateSpaces } from './state-spaces.ts'

type Json = Readonly<Record<string, unknown>>

/** Where `model_type` is missing, the class that saved the model says it. */
const TYPES: Readonly<Record<string, string>> = {
  MambaForCausalLM: 'mamba',
  Mamba2ForCausalLM: 'mamba2',
  FalconMambaForCausalLM: 'falcon_mamba',
}
/** transformers' default for a key that Falcon-Mamba alone has. */
const MIXER_EPS = 1e-6

/** Reads a parsed config.json, in the layout of transformers, of state-spaces or our own. `where` names the file in errors. */
export function fromHuggingFace(json: Json, where: string): ModelConfig {
  const fields = new Fields(json, where)
  const type = modelType(fields)
  switch (type) {
    case undefined:
      return fromStateSpaces(json, where)
    case 'mamba':
      return common(fields, mambaLayer(fields), true)
    case 'falcon_mamba':
      return common(
        fields,
        { ...mambaLayer(fields), innerNorm: fields.number('mixer_rms_eps', MIXER_EPS) },
        true,
      )
    case 'mamba2':
      return common(fields, mamba2Layer(fields), false)
    case 'sidewinder':
      return readModelConfig(fields.value('sidewinder'), fields.at('sidewinder'))
    default:
      throw new ConfigError('unknown model_type', {
        where: fields.at('model_type'),
        expected: 'mamba, mamba2, falcon_mamba or sidewinder',
        found: type,
      })
  }
}

/** undefined for the layout of state-spaces, which has no such key but `ssm_cfg`. */
function modelType(fields: Fields): string | undefined {
  if (fields.optional('model_type') !== undefined) return fields.text('model_type')
  const classes = fields.optional('architectures')
  if (Array.isArray(classes)) {
    const known = classes.find((name) => typeof name === 'string' && Object.hasOwn(TYPES, name))
    if (known !== undefined) return TYPES[known as string]
  }
  if (fields.optional('ssm_cfg') !== undefined) return undefined
  throw new ConfigError('the configuration does not say what kind of model it is', {
    where: fields.at('model_type'),
    expected: 'model_type, architectures or ssm_cfg',
  })
}

function common(fields: Fields, layer: LayerConfig, tied: boolean): ModelConfig {
  const count = fields.layers('num_hidden_layers', 32)
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
  return {
    kind: 'mamba2',
    hidden,
    headWidth,
    state: fields.positive('state_size', 128),
    groups: fields.positive('n_groups', 8),
    kernel: fields.positive('conv_kernel', 4),
    bias: fields.flag('use_bias', false),
    convolutionBias: fields.flag('use_conv_bias', true),
    ...fields.deltaLimit('time_step_limit'),
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

/** The tokens of a tokenizer that have a meaning of their own. */
export interface SpecialTokens {
  readonly begin: number | undefined
  readonly end: readonly number[]
  readonly pad: number | undefined
}
const NO_TOKENS: SpecialTokens = { begin: undefined, end: [], pad: undefined }

/**
 * What to write as config.json: transformers' own keys where it has the architecture, ours otherwise. Tokens that there are not
 * are null: transformers would take ids of its own for keys that are absent.
 */
export function toHuggingFace(config: ModelConfig, tokens = NO_TOKENS): Json {
  const { begin, end, pad } = tokens
  return {
    ...describe(config),
    bos_token_id: begin ?? null,
    eos_token_id: end.length > 1 ? end : (end[0] ?? null),
    pad_token_id: pad ?? null,
  }
}

/** The text of that config.json. */
export function configText(config: ModelConfig, tokens = NO_TOKENS): string {
  const text = JSON.stringify(toHuggingFace(config, tokens), mark, 2)
  return `${text.replaceAll(/"float (\d+)"/g, '$1.0')}\n`
}

/** Keys of numbers that may be whole and are no counts. */
const FLOATS = new Set(['layer_norm_epsilon', 'mixer_rms_eps', 'time_step_limit'])

/**
 * What a value becomes as text. transformers takes no 1 where it wants 1.0: such numbers are marked, and the marks become points.
 * Infinity, which JSON does not have, is spelled as transformers does.
 */
function mark(key: string, value: unknown): unknown {
  if (value === Number.POSITIVE_INFINITY) return { __float__: 'Infinity' }
  if (!FLOATS.has(key)) return value
  return Array.isArray(value) ? value.map(marked) : marked(value)
}

const marked = (value: unknown): unknown => (Number.isInteger(value) ? `float ${String(value)}` : value)

function describe(config: ModelConfig): Json {
  const { layers, input, head, width, eps, tieEmbeddings } = config
  const [first] = layers
  const uniform = layers.every((layer) => JSON.stringify(layer) === JSON.stringify(first))
  const plain = uniform && first?.mlp === undefined && 'vocabulary' in input && head.kind === 'language'
  const ours = { model_type: 'sidewinder', sidewinder: config }
  if (!plain || !first || first.kind === 's4d' || first.kind === 'attention') return ours
  // transformers takes the hidden width as a whole multiple of the width.
  if (first.hidden % width !== 0) return ours
  const shared = {
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
    const falcon = first.innerNorm !== undefined
    return {
      architectures: [falcon ? 'FalconMambaForCausalLM' : 'MambaForCausalLM'],
      model_type: falcon ? 'falcon_mamba' : 'mamba',
      ...shared,
      intermediate_size: first.hidden,
      time_step_rank: first.deltaRank,
      ...(falcon && { mixer_rms_eps: first.innerNorm }),
    }
  }
  if (first.groupedNorm && first.groups > 1) return ours
  return {
    architectures: ['Mamba2ForCausalLM'],
    model_type: 'mamba2',
    ...shared,
    head_dim: first.headWidth,
    num_heads: first.hidden / first.headWidth,
    n_groups: first.groups,
    chunk_size: first.chunk ?? 256,
    ...(first.deltaLimit && { time_step_limit: first.deltaLimit }),
  }
}
