/**
 * config.json as the original code (state-spaces/mamba) saves it: Mamba-1, Mamba-2, and Mamba-2 with
 * attention layers. What is unsaid there is a default of that code; what it says and Sidewinder does not
 * compute is refused by name.
 */
import { ConfigError } from '../../errors.ts'
import type { AnyLayer, StackConfig } from '../stack-config.ts'
import type { Fields } from './fields.ts'

type Json = Readonly<Record<string, unknown>>

export interface StateSpacesLayout {
  /** `ssm_cfg.layer` of the state-space layers, or `attn_cfg` for the attention layers. */
  readonly layer: 'Mamba1' | 'Mamba2' | 'attn_cfg'
  /** A layer from its part of the configuration. */
  read(fields: Fields, width: number): AnyLayer
}

/** Hidden widths of MLPs are rounded up to a multiple of this. */
const MLP_MULTIPLE = 128

/** Every norm of that code, whatever the configuration says. */
const EPS = 1e-5

/** Reads a parsed config.json with `ssm_cfg`. */
export function fromStateSpaces(fields: Fields, readers: readonly StateSpacesLayout[]): StackConfig {
  if (!fields.flag('rms_norm', true)) refuse(fields, 'rms_norm', 'true (RMS norms)', false)
  const width = fields.positive('d_model')
  const count = fields.layers('n_layer')
  const ssm = fields.part('ssm_cfg')
  const attention = new Set(attentionLayers(fields, count))
  const intermediate = fields.optional('d_intermediate') === undefined ? 0 : fields.number('d_intermediate')
  const mlp = intermediate > 0 ? { mlp: Math.ceil(intermediate / MLP_MULTIPLE) * MLP_MULTIPLE } : {}
  const reader = (name: unknown): StateSpacesLayout | undefined => readers.find(({ layer }) => layer === name)
  const ssmReader =
    reader(ssm.optional('layer') ?? 'Mamba1') ??
    refuse(ssm, 'layer', 'Mamba1 or Mamba2', ssm.optional('layer'))
  const ssmLayer = ssmReader.read(ssm, width)
  const attentionLayer =
    attention.size > 0 ? reader('attn_cfg')!.read(fields.part('attn_cfg'), width) : undefined
  const layers = Array.from({ length: count }, (_, i): AnyLayer => {
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

/** Sizes that both kinds of state-space layers have. */
export function sharedSizes(
  ssm: Fields,
  width: number,
): { hidden: number; kernel: number; bias: boolean; convolutionBias: boolean } {
  return {
    hidden: ssm.positive('expand', 2) * width,
    kernel: ssm.positive('d_conv', 4),
    bias: ssm.flag('bias', false),
    convolutionBias: ssm.flag('conv_bias', true),
  }
}

function attentionLayers(fields: Fields, count: number): readonly number[] {
  const layers = fields.optional('attn_layer_idx') ?? []
  const valid = Array.isArray(layers) && layers.every((i) => Number.isSafeInteger(i) && i >= 0 && i < count)
  if (!valid) refuse(fields, 'attn_layer_idx', `numbers of layers, 0 to ${count - 1}`, layers)
  return layers as number[]
}

/**
 * params.json as Mistral publishes Codestral-Mamba, in the words of the original code: a Mamba-2 of the same
 * tensors. undefined: the configuration is another one.
 */
export function fromMistral(json: Json): Json | undefined {
  const { dim, n_layers: layers, n_groups: groups, model_type: _, ...others } = json
  if (dim === undefined || layers === undefined || groups === undefined) return undefined
  return { ...others, d_model: dim, n_layer: layers, ssm_cfg: { layer: 'Mamba2', ngroups: groups } }
}

export function refuse(fields: Fields, key: string, expected: unknown, found: unknown): never {
  throw new ConfigError('unsupported value', {
    where: fields.at(key),
    expected,
    found: JSON.stringify(found),
  })
}
