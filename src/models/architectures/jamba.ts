/**
 * Jamba (Lieber et al. 2024, arXiv 2403.19887): Mamba with RMS norms of delta, B and C, some layers of
 * attention that knows no positions, and a gated MLP in every layer. Without its experts.
 */
import * as v from 'valibot'
import { ConfigError } from '../../errors.ts'
import { Mamba1 } from '../../nn/mixers/mamba1.ts'
import type { Parameter } from '../../nn/parameter.ts'
import { count, defineArchitecture, layerKind } from '../architecture.ts'
import { Block } from '../layer.ts'
import { Fields } from '../layouts/fields.ts'
import { expectSilu, Float, type Json } from '../layouts/hugging-face.ts'
import { layeredLayout, type FileRows, type FileTensor } from '../layouts/layout.ts'
import { sameConfig, type AnyLayer, type StackConfig } from '../stack-config.ts'
import { mambaLayer, readDeltaRank } from './mamba.ts'
import { transformer, type AttentionLayer } from './transformer.ts'

const jambaKind = layerKind(
  v.strictObject({
    kind: v.literal('jamba'),
    /** Inner width E. */
    hidden: count,
    /** State size N of each channel. */
    stateSize: count,
    /** Taps of the convolution. */
    kernel: count,
    deltaRank: count,
    bias: v.boolean(),
    convolutionBias: v.boolean(),
    /** Hidden width of a gated MLP after the mixer. Absent: none. */
    mlp: v.optional(count),
  }),
  ({ mlp, ...layer }, context) => {
    const { width, branches, eps } = context
    const innerNorm = { eps, weights: true }
    const mixer = new Mamba1({ ...layer, innerNorm, input: width, output: width, branches })
    return new Block(mixer, mlp, context)
  },
)

type JambaLayer = v.InferOutput<(typeof jambaKind)['schema']>

/** One layer in eight is attention, the fifth of them: the published models. */
const PERIOD = 8
const OFFSET = 4

function read(fields: Fields): StackConfig<JambaLayer | AttentionLayer> {
  expectSilu(fields)
  const experts = fields.positive('num_experts', 16)
  if (experts > 1) {
    throw new ConfigError('layers of experts are not supported', {
      where: fields.at('num_experts'),
      expected: 1,
      found: experts,
    })
  }
  const width = fields.positive('hidden_size')
  const mlp = fields.positive('intermediate_size')
  const heads = fields.positive('num_attention_heads', 32)
  const kvHeads = fields.positive('num_key_value_heads', fields.isNull('num_key_value_heads') ? heads : 8)
  const attention: AttentionLayer = { kind: 'attention', heads, kvHeads, rotary: 0, mlp }
  const mamba: JambaLayer = {
    kind: 'jamba',
    hidden: fields.positive('mamba_expand', 2) * width,
    stateSize: fields.positive('mamba_d_state', 16),
    kernel: fields.positive('mamba_d_conv', 4),
    deltaRank: readDeltaRank(fields, 'mamba_dt_rank', width),
    bias: fields.flag('mamba_proj_bias', false),
    convolutionBias: fields.flag('mamba_conv_bias', true),
    mlp,
  }
  const period = fields.positive('attn_layer_period', PERIOD)
  const offset = fields.whole('attn_layer_offset', OFFSET)
  const layers = fields.layers('num_hidden_layers', 32)
  return {
    width,
    layers: Array.from({ length: layers }, (_, i) => (i % period === offset ? attention : mamba)),
    input: { vocabulary: fields.positive('vocab_size', 65536) },
    head: { kind: 'language' },
    tieEmbeddings: fields.flag('tie_word_embeddings', false),
    eps: fields.number('rms_norm_eps', 1e-6),
  }
}

/** The keys for such a model; undefined if they do not say the same when they are read. */
function write(config: StackConfig): Json | undefined {
  const { layers, input, width, eps, tieEmbeddings } = config
  const mamba = layers.find(({ kind }) => kind === 'jamba') as JambaLayer | undefined
  const attention = layers.find(({ kind }) => kind === 'attention') as AttentionLayer | undefined
  if (!mamba || mamba.hidden % width !== 0 || !('vocabulary' in input)) return undefined
  const places = layers.flatMap(({ kind }, i) => (kind === 'attention' ? [i] : []))
  // Where there is one, or none, the period is so long that no other layer falls in with it.
  const [first = layers.length, second = first + Math.max(layers.length, first + 1)] = places
  const keys = {
    hidden_size: width,
    intermediate_size: mamba.mlp,
    num_hidden_layers: layers.length,
    vocab_size: input.vocabulary,
    num_attention_heads: attention?.heads ?? 1,
    num_key_value_heads: attention?.kvHeads ?? 1,
    attn_layer_period: second - first,
    attn_layer_offset: first,
    num_experts: 1,
    num_experts_per_tok: 1,
    mamba_expand: mamba.hidden / width,
    mamba_d_state: mamba.stateSize,
    mamba_d_conv: mamba.kernel,
    mamba_dt_rank: mamba.deltaRank,
    mamba_proj_bias: mamba.bias,
    mamba_conv_bias: mamba.convolutionBias,
    hidden_act: 'silu',
    rms_norm_eps: eps,
    tie_word_embeddings: tieEmbeddings,
    // transformers refuses to run on a CPU otherwise.
    use_mamba_kernels: false,
    dtype: 'float32',
  }
  if (mamba.mlp === undefined || !sameConfig(read(new Fields(keys, 'config.json')), config)) return undefined
  return { ...keys, rms_norm_eps: new Float(eps) }
}

const ENDS = {
  'backbone.embeddings.weight': 'model.embed_tokens.weight',
  'backbone.norm_f.weight': 'model.final_layernorm.weight',
  'lm_head.weight': 'lm_head.weight',
}
const SHARED: Readonly<Record<string, string>> = {
  'norm.weight': 'input_layernorm.weight',
  'norm2.weight': 'pre_ff_layernorm.weight',
  'mlp.fc2.weight': 'feed_forward.down_proj.weight',
}

function place(path: string, { shape }: Parameter, { kind }: AnyLayer): FileTensor | FileRows | undefined {
  if (Object.hasOwn(SHARED, path)) return { name: SHARED[path] }
  const [rows, width] = shape
  if (path === 'mlp.fc1.weight') {
    return [
      { name: 'feed_forward.up_proj.weight', rows: rows / 2 },
      { name: 'feed_forward.gate_proj.weight', rows: rows / 2 },
    ]
  }
  // mixer.dt_norm.weight is mamba.dt_layernorm.weight; other names are the same.
  if (kind === 'jamba') return { name: path.replace('mixer.', 'mamba.').replace('_norm.', '_layernorm.') }
  if (path === 'mixer.out_proj.weight') return { name: 'self_attn.o_proj.weight' }
  if (path !== 'mixer.in_proj.weight') return undefined
  // All heads of the queries are as wide as the model.
  const kv = (rows - width) / 2
  return [
    { name: 'self_attn.q_proj.weight', rows: width },
    { name: 'self_attn.k_proj.weight', rows: kv },
    { name: 'self_attn.v_proj.weight', rows: kv },
  ]
}

export const jamba = defineArchitecture({
  type: 'jamba',
  kinds: [jambaKind],
  layer(options): JambaLayer | AttentionLayer {
    const { ropeTheta: _, ...attention } = transformer.layer(options)
    if (options.index % PERIOD === OFFSET) return { ...attention, rotary: 0 }
    return { ...mambaLayer(options), kind: 'jamba', mlp: attention.mlp }
  },
  huggingFace: {
    modelType: 'jamba',
    className: 'JambaForCausalLM',
    base: 'model.',
    read,
    write,
    layout: ({ layers }) => layeredLayout(layers, { prefix: 'model.layers', ends: ENDS, place }),
  },
})
