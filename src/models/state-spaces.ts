/**
 * config.json as the original code (state-spaces/mamba) saves it: Mamba-1, Mamba-2, and Mamba-2 with attention layers. What is
 * unsaid there is a default of that code; what it says and Sidewinder does not compute is refused by name.
 */
import { isJsonObject } from '../checkpoints/json.ts'
import { ConfigError } from '../errors.ts'
import type { AttentionLayer, LayerConfig, Mamba2Layer, MambaLayer, ModelConfig } from './config.ts'
import { Fields } from './fields.ts'

type Json = Readonly<Record<string, unknown>>

/** Hidden widths of MLPs are rounded up to a multiple of this. */
const MLP_MULTIPLE = 128

/** Every norm of that code, whatever the configuration says. */
const EPS = 1e-5

/** Reads a parsed config.json with `ssm_cfg`. `where` names the file in errors. */
export function fromStateSpaces(json: Json, where: string): ModelConfig {
  const fields = new Fields(json, where)
  if (!fields.flag('rms_norm', true)) refuse(fields, 'rms_norm', 'true (RMS norms)', false)
  const width = fields.positive('d_model')
  const count = fields.layers('n_layer')
  const ssm = part(fields, 'ssm_cfg')
  const attention = new Set(attentionLayers(fields, count))
  const intermediate = fields.optional('d_intermediate') === undefined ? 0 : fields.number('d_intermediate')
  const mlp = intermediate > 0 ? { mlp: Math.ceil(intermediate / MLP_MULTIPLE) * MLP_MULTIPLE } : {}
  const attentionLayer = attention.size > 0 ? attentionOf(part(fields, 'attn_cfg'), width) : undefined
  const ssmLayer = ssmOf(ssm, width)
  const layers = Array.from({ length: count }, (_, i): LayerConfig => {
    const mixer = attention.has(i) ? attentionLayer! : ssmLayer
    return { ...mixer, ...mlp }
  })
  const multiple = fields.positive('pad_vocab_size_multiple', 8)
  return {
    width,
    layers,
    input: { vocabulary: Math.ceil(fields.positive('vocab_size') / multiple) * multiple },
    head: { kind: 'language' },
    tieEmbeddings: fields.flag('tie_embeddings', true),
    eps: EPS,
  }
}

function ssmOf(ssm: Fields, width: number): MambaLayer | Mamba2Layer {
  const layer = ssm.optional('layer') ?? 'Mamba1'
  const shared = {
    hidden: ssm.positive('expand', 2) * width,
    kernel: ssm.positive('d_conv', 4),
    bias: ssm.flag('bias', false),
    convolutionBias: ssm.flag('conv_bias', true),
  }
  if (layer === 'Mamba1') {
    const rank = ssm.optional('dt_rank')
    return {
      kind: 'mamba',
      ...shared,
      state: ssm.positive('d_state', 16),
      deltaRank: rank === undefined || rank === 'auto' ? Math.ceil(width / 16) : ssm.positive('dt_rank'),
    }
  }
  if (layer !== 'Mamba2') refuse(ssm, 'layer', 'Mamba1 or Mamba2', layer)
  if (!ssm.flag('rmsnorm', true)) refuse(ssm, 'rmsnorm', 'true', false)
  for (const key of ['norm_before_gate', 'D_has_hdim']) {
    if (ssm.flag(key, false)) refuse(ssm, key, 'false', true)
  }
  if (ssm.positive('d_ssm', shared.hidden) !== shared.hidden) {
    refuse(ssm, 'd_ssm', shared.hidden, ssm.optional('d_ssm'))
  }
  return {
    kind: 'mamba2',
    ...shared,
    headWidth: ssm.positive('headdim', 64),
    state: ssm.positive('d_state', 128),
    groups: ssm.positive('ngroups', 1),
    ...ssm.deltaLimit('dt_limit'),
    groupedNorm: true,
  }
}

function attentionOf(attention: Fields, width: number): AttentionLayer {
  const heads = attention.positive('num_heads')
  if (!attention.flag('causal', true)) refuse(attention, 'causal', 'true', false)
  if (attention.flag('rotary_emb_interleaved', false)) {
    refuse(attention, 'rotary_emb_interleaved', 'false', true)
  }
  for (const key of ['mlp_dim', 'softmax_scale']) {
    const value = attention.optional(key)
    if (value !== undefined && value !== 0) refuse(attention, key, 'none', value)
  }
  const taps = attention.whole('d_conv', 0)
  return {
    kind: 'attention',
    heads,
    kvHeads: attention.positive('num_heads_kv', heads),
    headWidth: attention.positive('head_dim', width / heads),
    rotary: attention.whole('rotary_emb_dim', 0),
    ropeTheta: attention.number('rotary_emb_base', 10000),
    ...(taps > 0 && { kernel: taps }),
    bias: attention.flag('qkv_proj_bias', true),
    outputBias: attention.flag('out_proj_bias', true),
  }
}

function attentionLayers(fields: Fields, count: number): readonly number[] {
  const layers = fields.optional('attn_layer_idx') ?? []
  const valid = Array.isArray(layers) && layers.every((i) => Number.isSafeInteger(i) && i >= 0 && i < count)
  if (!valid) refuse(fields, 'attn_layer_idx', `numbers of layers, 0 to ${count - 1}`, layers)
  return layers as number[]
}

function part(fields: Fields, key: string): Fields {
  const value = fields.optional(key) ?? {}
  if (!isJsonObject(value)) refuse(fields, key, 'an object', value)
  return new Fields(value, fields.at(key))
}

function refuse(fields: Fields, key: string, expected: unknown, found: unknown): never {
  throw new ConfigError('unsupported value', {
    where: fields.at(key),
    expected,
    found: JSON.stringify(found),
  })
}
